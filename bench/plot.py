#!/usr/bin/env python3
"""Draws what bench/measure.py kept: the time of every program over the floor of its machine.

  bench/plot.py bench/results/NAME.json      # writes bench/results/ratio.svg; needs matplotlib
"""
import json
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plot  # noqa: E402


def label(case):
    options = dict(zip(case["options"][::2], case["options"][1::2]))
    parts = [case["shape"], options.get("--weights", "f32")]
    if "--batch" in options:
        parts.append(f"batch {options['--batch']}")
    if "--threads" in options:
        parts.append(f"{options['--threads']} threads")
    return ", ".join(parts)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = pathlib.Path(sys.argv[1])
    result = json.loads(path.read_text())
    cases = result["cases"][::-1]
    matplotlib.rcParams["svg.hashsalt"] = "mambac"  # the same bytes every time
    figure, axes = plot.subplots(figsize=(8, 0.28 * len(cases) + 1.2))
    for offset, program, color in ((0.2, "step", "#1f6f8b"), (-0.2, "forward", "#e08e45")):
        ratios = [next(p["ratio"] for p in case["programs"] if p["program"] == program) for case in cases]
        axes.barh([index + offset for index in range(len(cases))], ratios, height=0.38, color=color, label=program)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(cases)), [label(case) for case in cases], fontsize=7)
    axes.set_xlabel("median time over the floor (1: what bandwidth and arithmetic allow)")
    axes.set_title(f"{result['machine']}, {result['version']}", fontsize=9)
    axes.legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    figure.savefig(path.parent / "ratio.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
