"""GRPO on the CPU with TRL's GRPOTrainer: samples per core-second, updates included, in float32. Measures
the best way that was found for every shape and prints one JSON line each; --search looks for it again.

    python grpo_speed.py [--models grpo_moe.json grpo_dense.json] [--cores 2] [--steps 5] [--search]
"""
import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PROGRAM = HERE / "trl_grpo.py"
SECONDS_MAX = 900  # of one way

FIRST = {
    "attention": "sdpa",
    "experts": "grouped_mm",
    "batch": 64,  # sequences of a forward and backward pass
    "generation": "dynamic",
    "compile": False,
    "waiting": "passive",  # of OpenMP's threads
    "malloc": "default",
    "threads": 2,
    "processes": 1,
}
# One axis after the other, the others at their best so far.
AXES = [
    [{"experts": "eager"}, {"experts": "batched_mm"}],
    [{"attention": "eager"}],
    [{"malloc": "keeps"}],
    [{"waiting": "active"}],
    [{"batch": 16}, {"batch": 32}, {"batch": 128}, {"batch": 256}],
    [{"threads": 1, "processes": 2}],
    [{"generation": "static"}, {"generation": "continuous"}],
    [{"compile": True}],
]
# Memory given back by a step is kept for the next one instead of being returned to the system.
KEEPS = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "17179869184"}
# By CPU seconds, found while other programs ran.
BEST = {
    "grpo_moe": {"attention": "eager"},
    "grpo_dense": {"batch": 32, "malloc": "keeps", "threads": 1, "processes": 2},
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["grpo_moe.json", "grpo_dense.json"], help="shapes")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--prompts", type=int, default=32, help="of a step")
    parser.add_argument("--group", type=int, default=8, help="replies to a prompt")
    parser.add_argument("--reply-tokens", type=int, default=40)
    parser.add_argument("--steps", type=int, default=5, help="timed steps; the median counts")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--search", action="store_true", help="look for the best way first")
    parser.add_argument("--search-steps", type=int, default=2, help="timed steps of every way tried")
    parser.add_argument("--by", default="wall", choices=["wall", "cpu"], help="cpu: on a busy machine")
    parser.add_argument("--way", help="other settings over the best ones, as in '{\"batch\": 128}'")
    return parser.parse_args()


def environment(way):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}
    kept.update(
        OMP_NUM_THREADS=str(way["threads"]),
        OMP_WAIT_POLICY=way["waiting"],
        HF_HUB_OFFLINE="1",
        PYTHONWARNINGS="ignore",
    )
    return {**kept, **(KEEPS if way["malloc"] == "keeps" else {})}


def run(command, variables):
    """Exit code, output and errors. Whatever ends this program or the wait for it ends the command too."""
    process = subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        output, errors = process.communicate(timeout=SECONDS_MAX)
    except BaseException:
        process.terminate()  # not kill: torch.distributed has to end its processes
        process.wait()
        raise
    return process.returncode, output, errors


def measure(shape, way, options, steps):
    """The line of trl_grpo.py, or None when the way does not work with these versions on a CPU."""
    task = {k: getattr(options, k) for k in ("prompts", "group", "reply_tokens", "warmup")}
    command = [sys.executable]
    if way["processes"] > 1:
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={way['processes']}"]
    command += [str(PROGRAM), str(HERE / shape), json.dumps({**task, "steps": steps}), json.dumps(way)]
    text = f"{Path(shape).stem} {json.dumps(way)}"
    try:
        code, output, errors = run(command, environment(way))
    except subprocess.TimeoutExpired:
        print(f"{text}: not done in {SECONDS_MAX} s", file=sys.stderr, flush=True)
        return None
    if code != 0:
        reason = [line for line in errors.splitlines() if "Error" in line] or errors.splitlines()
        print(f"{text}: exit code {code}, {' | '.join(reason[-3:])[:400]}", file=sys.stderr, flush=True)
        return None
    result = json.loads(output.splitlines()[-1])
    print(
        f"{text}: {result['seconds_per_step']} s a step, {result['generation_seconds']} generating; "
        f"samples per core-second {result['samples_per_core_second']}, "
        f"per CPU second {result['samples_per_cpu_second']}; "
        f"load {result['load'][0]}",
        file=sys.stderr,
        flush=True,
    )
    return result


def search(shape, first, options):
    """The way with the most samples per second, or per CPU second, which other programs disturb least."""
    key = {"wall": "samples_per_core_second", "cpu": "samples_per_cpu_second"}[options.by]
    best = measure(shape, first, options, options.search_steps)
    has_experts = "n_routed_experts" in json.loads((HERE / shape).read_text())
    for axis in AXES:
        base = best["way"] if best else first
        for change in axis:
            way = {**base, **change}
            if "experts" in change and not has_experts:
                continue
            if "waiting" in change and options.by == "cpu":
                continue  # waiting actively is CPU time
            if way["batch"] * way["processes"] > options.prompts * options.group:
                continue
            result = measure(shape, way, options, options.search_steps)
            if result and (best is None or result[key] > best[key]):
                best = result
    return best["way"] if best else first


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    for shape in options.models:
        way = {**FIRST, "threads": options.cores, **BEST.get(Path(shape).stem, {})}
        way.update(json.loads(options.way or "{}"))
        if options.search:
            way = search(shape, {**FIRST, "threads": options.cores}, options)
        result = measure(shape, way, options, options.steps)
        if result is None:
            sys.exit(f"{shape}: this way does not run")
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
