"""What learning costs: accuracy on held-out problems over core-seconds (user and system time of all threads) of
reinforcement learning from the same checkpoint, weir beside TRL's GRPOTrainer. README.md has the steps.

    python learning_cost.py problems START OUT.jsonl          problems of weir's training split, for TRL
    python learning_cost.py weir START OUT [--set KEY=VALUE]  one run of learning_cost.yaml
    python learning_cost.py trl START PROBLEMS.jsonl OUT ['{"lr": 1e-3}']
    python learning_cost.py evaluate START OUT...             asks all checkpoints the same problems; prints curves
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
STAGE = "reasoning-rl"
TRAINED = {"sums": {"weight": 40, "terms": [3, 8]}, "words": {"weight": 60, "steps": [2, 6]}}
SETS = {
    "sums 6": {"kind": "sums", "terms": 6},
    "sums 8": {"kind": "sums", "terms": 8},
    "words 4": {"kind": "words", "steps": 4},
    "words 6": {"kind": "words", "steps": 6},
}


def arguments():
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("--weir", default=str(ROOT / "build" / "weir"))
    parser.add_argument("--threads", type=int, default=2)
    commands = parser.add_subparsers(dest="command", required=True)
    problems = commands.add_parser("problems")
    problems.add_argument("start", help="folder of the checkpoint that both begin from")
    problems.add_argument("out")
    problems.add_argument("--count", type=int, default=8192)
    weir = commands.add_parser("weir")
    weir.add_argument("start")
    weir.add_argument("out")
    weir.add_argument("--set", action="append", default=[], help="key of the stage, as lr=1e-3")
    weir.add_argument("--steps", type=int, default=60)
    weir.add_argument("--every", type=int, default=5, help="steps between checkpoints")
    weir.add_argument("--seed", type=int, default=1)
    trl = commands.add_parser("trl")
    trl.add_argument("start")
    trl.add_argument("problems")
    trl.add_argument("out")
    trl.add_argument("way", nargs="?", default="{}")
    evaluate = commands.add_parser("evaluate")
    evaluate.add_argument("start")
    evaluate.add_argument("outs", nargs="+")
    evaluate.add_argument("--problems", type=int, default=250, help="of each of the four difficulties")
    evaluate.add_argument("--target", type=float, help="accuracy in % whose cost is printed")
    return parser.parse_args()


def run_weir(options, recipe, arguments=()):
    command = [options.weir, "r1", str(recipe), "--threads", str(options.threads), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-1000:]}{done.stderr[-2000:]}")


def idle_stage(parent, **more):
    """A stage that learns nothing."""
    data = {"words": {"steps": 1}}
    return {"kind": "sft", "parent": parent, "steps": 1, "lr": 0, "weight_decay": 0, "tokens": 256, "data": data, **more}


def folder_of(path):
    return str(Path(path).resolve()) + "/"


def make_problems(options):
    """Asks the start once for each problem; samples.jsonl then has problem, gold and verdict."""
    draws = {"from": "start", "problems": options.count, "per_problem": 1, "reply_tokens": 112, "data": TRAINED}
    with tempfile.TemporaryDirectory() as folder:
        recipe = {
            "run": f"{folder}/run",
            "rows": 4096,
            "evaluation": {"problems": 1, "samples": 1, "reply_tokens": 8, "sets": {"sums 6": SETS["sums 6"]}},
            "stages": {"start": idle_stage(folder_of(options.start)), "drawn": idle_stage("start", samples=draws)},
        }
        Path(folder, "recipe.yaml").write_text(json.dumps(recipe))
        run_weir(options, f"{folder}/recipe.yaml")
        lines = Path(folder, "run/stages/drawn/samples.jsonl").read_text().splitlines()
    with open(options.out, "w") as out:
        for sample in map(json.loads, lines):
            row = {k: sample[k] for k in ("gold", "language", "family", "difficulty")}
            row["question"] = sample["messages"][0]["content"]
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def keep_checkpoints(stage, out):
    """Links the weights of checkpoints before weir removes them: it keeps two."""
    for weights in stage.glob("checkpoints/step-*/model.safetensors"):
        step = weights.parent.name.removeprefix("step-")
        kept = out / f"step-{int(step) if step.isdigit() else 0}"
        if step.isdigit() and not kept.exists():
            kept.mkdir()
            try:
                os.link(weights, kept / "model.safetensors")
            except FileNotFoundError:
                kept.rmdir()


def measure_weir(options):
    out = Path(options.out)
    out.mkdir(parents=True)
    settings = {"steps": options.steps, "parent": folder_of(options.start)}
    changes = [f"{k}={v}" for k, v in settings.items()] + options.set
    command = [options.weir, "r1", str(HERE / "learning_cost.yaml"), "--threads", str(options.threads)]
    for change in changes:
        command += ["--set", f"stages.{STAGE}.{change}"]
    whole = {"run": folder_of(out / "run"), "checkpoint_every": options.every, "seed": options.seed}
    for key, value in whole.items():
        command += ["--set", f"{key}={value}"]
    stage = out / "run" / "stages" / STAGE
    with open(out / "log", "w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            while process.poll() is None:
                keep_checkpoints(stage, out)
                time.sleep(0.05)
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{(out / 'log').read_text()[-2000:]}")
    last = out / f"step-{options.steps}"
    if not last.exists():
        last.mkdir()
        os.link(stage / "model.safetensors", last / "model.safetensors")
    (out / "way.json").write_text(json.dumps(changes) + "\n")
    replies = tokens = right = 0
    with open(out / "costs.jsonl", "w") as costs:
        for step in map(json.loads, (stage / "metrics.jsonl").read_text().splitlines()):
            drawn = step["right"] + step["wrong"] + step["unparseable"] + step["truncated"]
            replies, right, tokens = replies + drawn, right + step["right"], tokens + drawn * step["reply_tokens"]
            line = {"step": step["step"], "core_seconds": step["core_seconds"], "seconds": step["seconds"]}
            line |= {"replies": replies, "reply_tokens": round(tokens), "right": right}
            costs.write(json.dumps(line) + "\n")


def measure_trl(options):
    variables = {**os.environ, "OMP_NUM_THREADS": str(options.threads), "OMP_WAIT_POLICY": "passive"}
    variables |= {"HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    # Memory given back by a step is kept for the next one instead of being returned to the system.
    variables |= {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "17179869184"}
    way = {"threads": options.threads, **json.loads(options.way)}
    command = [sys.executable, str(HERE / "trl_learning.py"), options.start, options.problems, options.out]
    sys.exit(subprocess.run([*command, json.dumps(way)], env=variables).returncode)


def evaluate(options):
    """Every checkpoint is the parent of a stage that learns nothing, and is asked after it."""
    start = Path(options.start)
    with tempfile.TemporaryDirectory() as folder:
        stages, places = {"start": idle_stage(folder_of(start))}, {}
        for out in map(Path, options.outs):
            for kept in sorted(out.glob("step-*"), key=lambda p: int(p.name.split("-")[1])):
                if (kept / "scores.json").exists():
                    continue
                for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
                    (kept / name).write_bytes((start / name).read_bytes())
                name = f"c{len(places)}"
                stages[name], places[name] = idle_stage(folder_of(kept)), kept
        if not (start / "peer_scores.json").exists():
            places["start"] = None
        evaluation = {"problems": options.problems, "samples": 1, "reply_tokens": 128, "sets": SETS}
        recipe = {"run": f"{folder}/run", "rows": 4096, "evaluation": evaluation, "stages": stages}
        Path(folder, "recipe.yaml").write_text(json.dumps(recipe))
        if places:
            run_weir(options, f"{folder}/recipe.yaml")
        for name, kept in places.items():
            target = kept / "scores.json" if kept else start / "peer_scores.json"
            target.write_bytes(Path(folder, f"run/stages/{name}/scores.json").read_bytes())
    for out in map(Path, options.outs):
        print_curve(out, start, options.target)


def accuracies(path):
    """Of the sets in order, and their mean, in %."""
    rows = json.loads(path.read_text())["scores"]
    shares = {f"{r['family']} {r['difficulty']}": 100 * r["right"] / (r["problems"] * r["samples"]) for r in rows}
    values = [shares[name] for name in SETS]
    return [*values, sum(values) / len(values)]


def print_curve(out, start, target):
    costs = {c["step"]: c for c in map(json.loads, (out / "costs.jsonl").read_text().splitlines())}
    points = [({"step": 0, "core_seconds": 0, "replies": 0}, accuracies(start / "peer_scores.json"))]
    for kept in sorted(out.glob("step-*"), key=lambda p: int(p.name.split("-")[1])):
        points.append((costs[int(kept.name.split("-")[1])], accuracies(kept / "scores.json")))
    print(f"\n{out.name} {(out / 'way.json').read_text().strip()}")
    print("| step | core-seconds | replies | " + " | ".join(SETS) + " | mean |\n|---|---|---|" + "---|" * 5)
    for cost, shares in points:
        cells = [cost["step"], f"{cost['core_seconds']:.1f}", cost["replies"], *(f"{s:.1f}" for s in shares)]
        print("| " + " | ".join(map(str, cells)) + " |")
    if target:
        print(f"{target} % after {cost_of(points, target)}")


def cost_of(points, target):
    """Core-seconds at which the line through the points first reaches the target."""
    for (before, a), (after, b) in zip(points, points[1:]):
        if a[-1] < target <= b[-1]:
            share = (target - a[-1]) / (b[-1] - a[-1])
            cost, replies = (before[k] + share * (after[k] - before[k]) for k in ("core_seconds", "replies"))
            return f"{cost:.1f} core-seconds, {replies:.0f} replies"
    return f"more than {points[-1][0]['core_seconds']:.1f} core-seconds"


if __name__ == "__main__":
    given = arguments()
    {"problems": make_problems, "weir": measure_weir, "trl": measure_trl, "evaluate": evaluate}[given.command](given)
