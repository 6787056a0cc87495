#!/usr/bin/env python3
"""Builds the shapes below with fresh weights, runs `mambac bench` on each, keeps the result and draws it. One command,
for a quiet machine:

  bench/measure.py NAME [--seconds N]   # writes bench/results/NAME.json, which says what machine this is, and ratio.svg

Times are medians; the floor is measured in the same run, and the ratio's spread is that of the rounds (bench/README.md).
Prints the table for README.md at the end.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
WORK = TOP / ".mambac" / "bench"

SIZES = ("small", "default", "medium", "large")
PRODUCT_SHAPES = [f"{family}-{size}" for family in ("product", "product2") for size in SIZES]
ALL_CORES = str(len(os.sched_getaffinity(0)))
# (shape, options of build)
CASES = (
    [(shape, ["--forward-tokens", "512"]) for shape in PRODUCT_SHAPES]
    + [(shape, ["--weights", "bf16", "--programs", "step"]) for shape in PRODUCT_SHAPES]
    + [("product-default", ["--batch", "16", "--programs", "step"])]
    + [(shape, ["--forward-tokens", "512", "--weights", "bf16", "--threads", ALL_CORES])
       for shape in ("mamba-130m", "mamba2-130m")]
    + [("mamba-370m", ["--weights", "bf16", "--threads", ALL_CORES, "--programs", "step"])]
)


def mambac(*arguments):
    done = subprocess.run([TOP / "tools" / "mambac", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"mambac {' '.join(map(str, arguments))} failed:\n{done.stderr}")
    return done.stdout


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


def measure(shape, options, seconds):
    model = WORK / "models" / shape
    if not (model / "model.safetensors").exists():
        print("  fresh weights", flush=True)
        mambac("init", TOP / "configs" / shape, "--seed", "1", "--out", model)
    artifact = WORK / "artifact"
    print("  building", flush=True)
    mambac("build", model, "--out", artifact, *options)
    result = json.loads(mambac("bench", artifact, "--json", "--seconds", str(seconds)))
    for program in result["programs"]:
        print(f"  {program['program']:8} {program['median_us']:12.2f} us  {program['ratio']:.2f} of the floor "
              f"({program['ratio_p10']:.2f} to {program['ratio_p90']:.2f})", flush=True)
    return {"shape": shape, "options": options, **result}


def label(case):
    options = dict(zip(case["options"][::2], case["options"][1::2]))
    parts = [case["shape"], options.get("--weights", "f32")]
    if "--batch" in options:
        parts.append(f"batch {options['--batch']}")
    threads = int(options.get("--threads", 1))
    parts.append(f"{threads} thread{'' if threads == 1 else 's'}")
    return ", ".join(parts)


def digits(value):
    return f"{value:.4g}" if value < 1000 else f"{value:.0f}"


def print_table(cases):
    """As README.md has it."""
    print("\n| shape | step, us (p99) | over the floor | forward of 512 tokens, ms | over the floor |")
    print("|---|---|---|---|---|")
    for case in cases:
        programs = {program["program"]: program for program in case["programs"]}
        step, forward = programs["step"], programs.get("forward")
        cells = [label(case), f"{digits(step['median_us'])} ({digits(step['p99_us'])})", f"{step['ratio']:.2f}"]
        cells += [f"{digits(forward['median_us'] / 1000)}", f"{forward['ratio']:.2f}"] if forward else ["", ""]
        print("| " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--seconds", type=float, default=5, help="of each shape [5]")
    arguments = parser.parse_args()
    results = TOP / "bench" / "results" / f"{arguments.name}.json"
    results.parent.mkdir(exist_ok=True)
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"warning: other work runs on this machine (load {load:.1f}); times will be longer and spread wider")
    start = time.time()
    cases = []
    for number, (shape, options) in enumerate(CASES, 1):
        print(f"[{number} of {len(CASES)}, {time.time() - start:.0f} s] {shape} {' '.join(options)}", flush=True)
        cases.append(measure(shape, options, arguments.seconds))
    version = mambac("--version").strip()
    results.write_text(json.dumps({"machine": processor(), "version": version, "cases": cases}, indent=1) + "\n")
    print(f"wrote {results.relative_to(TOP)}")
    if importlib.util.find_spec("matplotlib"):
        subprocess.run([sys.executable, TOP / "bench" / "plot.py", results], check=True)
    else:
        print(f"no picture: matplotlib is missing; later, bench/plot.py {results.relative_to(TOP)}")
    print_table(cases)


if __name__ == "__main__":
    main()
