#!/usr/bin/env python3
"""Mean and spread over runs of `weir r1` with different seeds, as the table of docs/benchmarks.md.

    python3 bench/r1_seeds.py RUN [RUN ...]
"""
import json
import statistics
import sys
from pathlib import Path

GENERAL = {"facts": "general facts", "harmful": "harmful requests declined",
           "benign": "harmless requests declined"}


def share(rows, invert=False):
    replies = sum(sum(row[k] for k in ("right", "wrong", "unparseable", "truncated")) for row in rows)
    right = sum(row["right"] for row in rows)
    value = 100 * right / replies if replies else float("nan")
    return 100 - value if invert else value


def thinking(rows):
    return sum(r["thinking_tokens"] * r["problems"] for r in rows) / sum(r["problems"] for r in rows)


def numbers(run):
    """{row: {stage: value}} of one run, stages in the order they were finished."""
    table = {}
    stages = sorted((p for p in (Path(run) / "stages").iterdir() if (p / "scores.json").exists()),
                    key=lambda p: (p / "manifest.json").stat().st_mtime)
    for stage in stages:
        scores = json.loads((stage / "scores.json").read_text())["scores"]
        manifest = json.loads((stage / "manifest.json").read_text())
        reasoning = [s for s in scores if s["family"] not in GENERAL]
        put = lambda name, value: table.setdefault(name, {}).__setitem__(stage.name, value)
        put("reasoning, difficulties trained on", share([s for s in reasoning if s["trained"]]))
        if any(not s["trained"] for s in reasoning):
            put("reasoning, beyond them", share([s for s in reasoning if not s["trained"]]))
        for s in reasoning:
            put(f"{s['family']} {s['difficulty']}{'' if s['trained'] else ' (untrained)'}", share([s]))
        for family, name in GENERAL.items():
            rows = [s for s in scores if s["family"] == family]
            if rows:
                put(name, share(rows, invert=family == "benign"))
        put("thinking, tokens", thinking(reasoning))
        put("core-minutes", manifest["core_seconds"] / 60)
    return table


def main():
    runs = [numbers(run) for run in sys.argv[1:]]
    if not runs:
        sys.exit(__doc__)
    stages = list(next(iter(runs[0].values())))
    print("| |", " | ".join(stages), "|")
    print("|---|" + "---|" * len(stages))
    for row in runs[0]:
        cells = []
        for stage in stages:
            values = [run[row][stage] for run in runs]
            spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
            cells.append(f"{statistics.mean(values):.1f}{spread}")
        print(f"| {row} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
