#!/usr/bin/env python3
"""The tail of a shape's steps on one core: alone, and with memory-hungry work on every other core.

  bench/tail.py NAME [--shape SHAPE] [--seconds N]

Writes bench/results/NAME-tail.json and an SVG of each histogram beside it.

Each run is `mambac bench --tail`: a million steps or a minute, in turn with a loop over registers alone that is as long
(bench/README.md).
"""
import argparse
import json
import os
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent
WORK = TOP / ".mambac" / "bench"
LOAD_SHAPE = "product-large"  # the load reads weights that no cache holds


MAMBAC = TOP / "bazel-bin" / "generator" / "mambac"  # that tools/mambac builds: nothing else runs beside it


def on_core(core, *arguments):
    return ["taskset", "-c", str(core), MAMBAC, *arguments]


def mambac(*arguments):
    subprocess.run([TOP / "tools" / "mambac", *arguments], check=True, capture_output=True)


def build(shape):
    model, artifact = WORK / "models" / shape, WORK / f"{shape}-tail"
    if not (model / "model.safetensors").exists():
        mambac("init", TOP / "configs" / shape, "--seed", "1", "--out", model)
    mambac("build", model, "--out", artifact, "--programs", "step")
    return artifact


def start_load(artifact, cores, seconds):
    """Steps that go on until they are stopped, on each of the cores."""
    return [subprocess.Popen(on_core(core, "bench", artifact, "--seconds", str(10 * seconds)),
                             stdout=subprocess.DEVNULL) for core in cores]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--shape", default="product-default")
    parser.add_argument("--seconds", type=float, default=60)
    arguments = parser.parse_args()
    folder = TOP / "bench" / "results"
    core, *others = sorted(os.sched_getaffinity(0))
    artifact, load_artifact = build(arguments.shape), build(LOAD_SHAPE)
    results = {"shape": arguments.shape, "load": f"steps of {LOAD_SHAPE} on {len(others)} other cores"}
    for condition in ("alone", "under load"):
        load = start_load(load_artifact, others, arguments.seconds) if condition == "under load" else []
        picture = folder / f"{arguments.name}-tail-{condition.replace(' ', '-')}.svg"
        try:
            measured = subprocess.run(
                on_core(core, "bench", artifact, "--tail", "--json", "--seconds", str(arguments.seconds),
                        "--histogram", picture), check=True, capture_output=True, text=True)
        finally:
            for process in load:
                process.terminate()
        tail = results[condition] = json.loads(measured.stdout)
        print(f"{condition:10}  p50 {tail['step']['p50_us']:.2f} us, p99.9 {tail['step']['p999_us']:.2f} us, "
              f"{tail['ratio']['p999']:.2f} times that of registers alone; {tail['samples']} steps; "
              f"denormals {tail['denormals']['ratio']:.2f}x", flush=True)
    path = folder / f"{arguments.name}-tail.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    print(f"wrote {path.relative_to(TOP)}")


if __name__ == "__main__":
    main()
