#!/usr/bin/env python3
"""An adapter against full tuning: what each gains on held-out problems, and what it costs.

    bench/adapter_full.py BASE [--weir build/weir] [--out runs/adapter-full] [--steps 60]

BASE is a model's folder or GGUF file. Both arms learn the same generated stories with worked replies in steps of the same
rows. One JSON line is printed for each arm, one for each comparison: `gain_share` is the adapter's gain over the
base divided by full tuning's, `cost_share` the core-seconds of its steps divided by full tuning's, `moments_share` the
same of the optimizer's moments in bytes. A stopped run goes on when the same command is given.
"""
import argparse
import json
import os
import subprocess

RECIPE = """run: {run}
title: {arm}
seed: 1
minutes: 1
rows: 1024
{adapter}evaluation:
  problems: 100
  samples: 4
  reply_tokens: 96
  temperature: 0.6
  top_p: 0.95
  sets:
    one: {{kind: words, steps: 1, languages: en}}
    two: {{kind: words, steps: 2, languages: en}}
    three: {{kind: words, steps: 3, languages: en}}
stages:
  before: {{kind: sft, parent: {base}, steps: 1, lr: 0, weight_decay: 0, tokens: 128, data: &stories {{words: {{steps: [1, 3], languages: en}}}}}}
  tuned: {{kind: sft, parent: {base}, steps: {steps}, tokens: 1024, lr: {lr}, warmup_steps: 5, decay_fraction: 0.5, weight_decay: 0, data: *stories}}
"""


def run(options, arm, steps, lr, adapter):
    folder = os.path.join(options.out, arm)
    base = options.base if "/" in options.base else "./" + options.base
    recipe = folder + ".yaml"
    os.makedirs(options.out, exist_ok=True)
    with open(recipe, "w") as file:
        file.write(RECIPE.format(run=folder, arm=arm, base=base, steps=steps, lr=lr, adapter=adapter))
    subprocess.run([options.weir, "r1", recipe], check=True)

    def share(stage):
        with open(os.path.join(folder, "stages", stage, "scores.json")) as file:
            rows = json.load(file)["scores"]
        return sum(row["right"] for row in rows) / sum(row["problems"] * row["samples"] for row in rows)

    with open(os.path.join(folder, "stages", "tuned", "metrics.jsonl")) as file:
        last = json.loads(file.read().splitlines()[-1])
    learned = os.path.join(folder, "stages", "tuned", "adapter_model.safetensors" if adapter else "model.safetensors")
    # All numbers that are learned are stored as f32, and AdamW keeps two moments of each.
    result = {"arm": arm, "steps": steps, "before": share("before"), "after": share("tuned"),
              "core_seconds": last["core_seconds"], "moments_bytes": 2 * os.path.getsize(learned)}
    print(json.dumps(result), flush=True)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base")
    parser.add_argument("--weir", default="build/weir")
    parser.add_argument("--out", default="runs/adapter-full")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rank", type=int, default=16)
    options = parser.parse_args()
    adapter = f"adapter: {{rank: {options.rank}}}\n"
    dora = f"adapter: {{rank: {options.rank}, dora: true}}\n"
    full = run(options, "full", options.steps, 1e-4, "")
    arms = [run(options, "adapter", options.steps, 1e-3, adapter),
            run(options, "adapter-half", max(1, options.steps // 2), 1e-3, adapter),
            run(options, "dora-half", max(1, options.steps // 2), 1e-3, dora)]
    for arm in arms:
        gain = full["after"] - full["before"]
        print(json.dumps({
            "compared": arm["arm"],
            "gain_share": (arm["after"] - arm["before"]) / gain if gain > 0 else None,
            "cost_share": arm["core_seconds"] / full["core_seconds"],
            "moments_share": arm["moments_bytes"] / full["moments_bytes"]}))


if __name__ == "__main__":
    main()
