#!/usr/bin/env python3
"""Times train + backward + packing of 32 tokens, next to the floor of this machine. One command, for a quiet machine:

  bench/training.py NAME   # writes bench/results/NAME-training.json, which says what machine this is

Each shape is measured in several short runs, all shapes in turn, with rest between them: a machine that slows down
under work would show its own limits otherwise. The median of a shape's runs is kept, and the least: on a virtual
machine whose cores are not its own, two threads wait for whichever the host holds up, and only the least is theirs.
"""
import argparse
import json
import pathlib
import statistics
import time

from measure import ALL_CORES, TOP, WORK, mambac, processor

RUNS, REST = 3, 25  # of each shape; seconds before each run
OPTIONS = ["--programs", "step,train", "--train-tokens", "32"]
CASES = [("product-default", []), ("product-medium", []), ("product-large", []),
         ("product-default", ["--batch", "16", "--threads", ALL_CORES])]


def build(number, shape, options):
    model = WORK / "models" / shape
    if not (model / "model.safetensors").exists():
        mambac("init", TOP / "configs" / shape, "--seed", "1", "--out", model)
    folder = WORK / f"training-{number}"
    mambac("build", model, "--name", f"training_{number}", "--out", folder, *OPTIONS, *options)
    return folder


def run(folder):
    time.sleep(REST)
    result = json.loads(mambac("bench", folder, "--json", "--seconds", "3"))
    return next(program for program in result["programs"] if program["program"] == "train"), result["limits"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    name = parser.parse_args().name
    cases = []
    for number, (shape, options) in enumerate(CASES):
        print(f"building {shape} {' '.join(options)}", flush=True)
        cases.append({"shape": shape, "options": OPTIONS + options, "runs": [], "folder": build(number, shape, options)})
    for number in range(RUNS):
        for case in cases:
            program, limits = run(case["folder"])
            case["runs"].append({"median_us": program["median_us"], "floor_us": program["floor_us"],
                                 "ratio": program["ratio"],
                                 "multiply_adds_per_second": limits["multiply_adds_per_second"]})
            print(f"run {number + 1} of {RUNS}: {case['shape']} {program['median_us']:.0f} us, "
                  f"{program['ratio']:.2f} of the floor", flush=True)
    for case in cases:
        del case["folder"]
        case["ratio"] = statistics.median(run["ratio"] for run in case["runs"])
        case["least_ratio"] = min(run["ratio"] for run in case["runs"])
        print(f"{case['shape']} {' '.join(case['options'][4:])}: {case['ratio']:.2f} of the floor, at least "
              f"{case['least_ratio']:.2f}")
    path = TOP / "bench" / "results" / f"{name}-training.json"
    version = mambac("--version").strip()
    path.write_text(json.dumps({"machine": processor(), "version": version, "cases": cases}, indent=1) + "\n")
    print(f"wrote {pathlib.Path(path).relative_to(TOP)}")


if __name__ == "__main__":
    main()
