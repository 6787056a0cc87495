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

from measure import label  # noqa: E402


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = pathlib.Path(sys.argv[1])
    result = json.loads(path.read_text())
    cases = result["cases"][::-1]
    matplotlib.rcParams["svg.hashsalt"] = "mambac"  # the same bytes every time
    figure, axes = plot.subplots(figsize=(8, 0.28 * len(cases) + 1.2))
    for offset, name, color in ((0.2, "step", "#1f6f8b"), (-0.2, "forward", "#e08e45")):
        measured = [(index + offset, program) for index, case in enumerate(cases) for program in case["programs"]
                    if program["program"] == name]
        places = [place for place, _ in measured]
        ratios = [program["ratio"] for _, program in measured]
        # From the rounds' p10 to their p90; the ratio of the whole run may lie outside.
        below = [max(0, program["ratio"] - program["ratio_p10"]) for _, program in measured]
        above = [max(0, program["ratio_p90"] - program["ratio"]) for _, program in measured]
        axes.barh(places, ratios, height=0.38, color=color, label=name, xerr=(below, above),
                  error_kw={"linewidth": 0.8, "ecolor": "#444444"})
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(cases)), [label(case) for case in cases], fontsize=7)
    axes.set_xlabel("median time over the floor (1: what bandwidth and arithmetic allow), p10 to p90 of the rounds")
    axes.set_title(f"{result['machine']}, {result['version']}", fontsize=9)
    axes.legend(loc="lower right", fontsize=8)
    figure.tight_layout()
    figure.savefig(path.parent / "ratio.svg", metadata={"Date": None})
    print(f"wrote {path.parent / 'ratio.svg'}")


if __name__ == "__main__":
    main()
