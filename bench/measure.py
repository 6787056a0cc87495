#!/usr/bin/env python3
"""Builds the shapes below with fresh weights, runs `mambac bench` on each, and keeps the result.

  bench/measure.py NAME            # writes bench/results/NAME.json; NAME says what machine this is
  bench/plot.py bench/results/NAME.json

Times are medians; the floor is measured in the same run (bench/README.md).
"""
import json
import pathlib
import platform
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
WORK = TOP / ".mambac" / "bench"

SIZES = ("small", "default", "medium", "large")
PRODUCT_SHAPES = [f"{family}-{size}" for family in ("product", "product2") for size in SIZES]
# (shape, options of build)
CASES = (
    [(shape, ["--forward-tokens", "512"]) for shape in PRODUCT_SHAPES]
    + [("product-default", ["--batch", "16"])]
    + [(shape, ["--forward-tokens", "512", "--weights", "bf16", "--threads", "2"])
       for shape in ("mamba-130m", "mamba2-130m")]
)


def mambac(*arguments):
    return subprocess.run([TOP / "tools" / "mambac", *arguments], check=True, capture_output=True, text=True).stdout


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


def measure(shape, options):
    model = WORK / "models" / shape
    if not (model / "model.safetensors").exists():
        mambac("init", TOP / "configs" / shape, "--seed", "1", "--out", model)
    artifact = WORK / "artifact"
    mambac("build", model, "--out", artifact, *options)
    result = json.loads(mambac("bench", artifact, "--json", "--seconds", "5"))
    for program in result["programs"]:
        print(f"{shape:16} {' '.join(options):50} {program['program']:8} "
              f"{program['median_us']:12.2f} us  {program['ratio']:.2f} of the floor", flush=True)
    return {"shape": shape, "options": options, **result}


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    results = TOP / "bench" / "results" / f"{sys.argv[1]}.json"
    cases = [measure(shape, options) for shape, options in CASES]
    results.parent.mkdir(exist_ok=True)
    version = mambac("--version").strip()
    results.write_text(json.dumps({"machine": processor(), "version": version, "cases": cases}, indent=1) + "\n")
    print(f"wrote {results.relative_to(TOP)}")


if __name__ == "__main__":
    main()
