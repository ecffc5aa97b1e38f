"""GRPO samples per core-second of weir, updates included: runs `weir r1` with grpo_speed.yaml, or reads a
run's folder, and prints one JSON line with the names that grpo_speed.py uses. Needs nothing but Python.

    python3 grpo_speed_weir.py [--weir build/weir] [--threads 2] [--steps 10] [--run FOLDER]
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weir", default=str(ROOT / "build" / "weir"))
    parser.add_argument("--recipe", default=str(HERE / "grpo_speed.yaml"))
    parser.add_argument("--run", help="only read this run, made with --threads threads")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=10, help="timed steps; the median counts")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--group", type=int, default=8)
    parser.add_argument("--reply-tokens", type=int, default=40)
    return parser.parse_args()


def run(options, steps, folder):
    """CPU seconds of a whole run: tokenizer, pretraining step, GRPO, evaluations, files."""
    stage = {
        "steps": steps,
        "prompts": options.prompts,
        "group": options.group,
        "reply_tokens": options.reply_tokens,
    }
    command = [options.weir, "r1", options.recipe, "--threads", str(options.threads)]
    for key, value in {"run": folder, **{f"stages.grpo.{k}": v for k, v in stage.items()}}.items():
        command += ["--set", f"{key}={value}"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def read_steps(folder):
    """The lines of metrics.jsonl that tell of rollouts."""
    lines = []
    for path in sorted(Path(folder).glob("**/metrics.jsonl")):
        lines += [json.loads(line) for line in path.read_text().splitlines()]
    steps = [line for line in lines if "rollout_seconds" in line]
    if not steps:
        sys.exit(f"{folder}: no metrics.jsonl with 'rollout_seconds'")
    return steps


def summary(lines, options):
    samples = options.prompts * options.group
    timed = lines[options.warmup :]
    if not timed:
        sys.exit(f"{len(lines)} steps, and {options.warmup} of them are warm-up")
    counted = {line["right"] + line["wrong"] + line["unparseable"] + line["truncated"] for line in timed}
    if counted != {samples}:
        sys.exit(f"replies of a step: {sorted(counted)} instead of {samples}; see --prompts and --group")
    took = [line["rollout_seconds"] + line["learn_seconds"] for line in timed]
    seconds = statistics.median(took)
    length = statistics.mean(line["reply_tokens"] for line in timed)
    # A reply may end early, one in 13 with random weights. They count as the share of the tokens drawn.
    whole = samples * length / options.reply_tokens
    return {
        "model": "weir",
        "threads": options.threads,
        "seconds_per_step": round(seconds, 3),
        "fastest": round(min(took), 3),
        "slowest": round(max(took), 3),
        "generation_seconds": round(statistics.median(line["rollout_seconds"] for line in timed), 3),
        "update_seconds": round(statistics.median(line["learn_seconds"] for line in timed), 3),
        "samples_per_core_second": round(whole / seconds / options.threads, 2),
        "mean_reply_tokens": round(length, 2),
        "prompts": options.prompts,
        "group": options.group,
        "steps": len(timed),
        "load": [round(x, 2) for x in os.getloadavg()],
    }


def main():
    options = arguments()
    if options.run:
        print(json.dumps(summary(read_steps(options.run), options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        # The difference of two runs is the CPU time of steps alone.
        short = run(options, options.warmup, f"{folder}/short")
        cpu_seconds = run(options, options.warmup + options.steps, f"{folder}/long") - short
        result = summary(read_steps(f"{folder}/long"), options)
    samples = options.prompts * options.group * options.steps
    whole = samples * result["mean_reply_tokens"] / options.reply_tokens
    result["samples_per_cpu_second"] = round(whole / max(cpu_seconds, 1e-9), 2)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
