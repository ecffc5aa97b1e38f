"""Tokens per second of full training steps (forward, backward, clipping, AdamW) in float32 on the CPU:
transformers' DeepSeek-V3 with a small config, and a nanoGPT-style GPT. Every way of running a model that
the library offers is timed for some steps, and the best is printed: one JSON line per model.

    python train_speed.py [--config moe_small.json] [--batch 16] [--sequence 256] [--threads 2] ...
"""
import argparse
import itertools
import json
import os
import statistics
import sys
import time
from pathlib import Path


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["deepseek", "gpt"], choices=["deepseek", "gpt"])
    parser.add_argument("--config", default=str(Path(__file__).with_name("moe_small.json")))
    parser.add_argument("--gpt", default="4096,1024,6,8,256", help="vocabulary,context,layers,heads,width")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--sequence", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=10, help="timed steps; the median counts")
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--compile", action="store_true", help="also try torch.compile (needs g++)")
    return parser.parse_args()


def train_steps(loss_of, model, options):
    """Seconds of each timed step on fresh random tokens, their CPU seconds together, and the last loss."""
    import torch

    from gpt import adamw

    vocabulary = options.vocabulary
    optimizer = adamw(model, 1e-3, 0.95, 0.1, fused=True)
    seconds = []
    for step in range(options.warmup + options.steps):
        if step == options.warmup:
            cpu_begin = time.process_time()
        window = torch.randint(vocabulary, (options.batch, options.sequence + 1))
        begin = time.perf_counter()
        loss = loss_of(window)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step >= options.warmup:
            seconds.append(time.perf_counter() - begin)
    return seconds, time.process_time() - cpu_begin, loss.item()


def deepseek(options, variant):
    import torch
    import transformers

    fields = json.loads(Path(options.config).read_text())
    config = transformers.DeepseekV3Config(**{k: v for k, v in fields.items() if k != "model_type"})
    config.use_cache = False
    options.vocabulary = config.vocab_size
    torch.manual_seed(1)
    model = transformers.DeepseekV3ForCausalLM._from_config(
        config, attn_implementation=variant["attention"], experts_implementation=variant["experts"]
    ).float()
    model.train()

    def loss_of(window):
        logits = model(input_ids=window[:, :-1], use_cache=False).logits
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), window[:, 1:].flatten())

    return model, loss_of


def gpt(options, variant):
    import torch

    from gpt import Gpt, Shape

    shape = Shape(*map(int, options.gpt.split(",")))
    options.vocabulary = shape.vocabulary
    torch.manual_seed(1)
    model = Gpt(shape)
    return model, lambda window: model(window[:, :-1].contiguous(), window[:, 1:].contiguous())


def variants_of(name, options):
    compiled = [False, True] if options.compile else [False]
    if name == "gpt":
        return [{"compile": c} for c in compiled]
    attention = ["eager", "sdpa"]
    experts = ["eager", "grouped_mm"]  # batched_mm copies an expert per token: 16 GB at this size
    combinations = itertools.product(attention, experts, compiled)
    return [{"attention": a, "experts": e, "compile": c} for a, e, c in combinations]


def measure(name, options):
    import torch

    best = None
    tokens = options.batch * options.sequence
    for variant in variants_of(name, options):
        try:
            model, loss_of = {"deepseek": deepseek, "gpt": gpt}[name](options, variant)
            if variant["compile"]:
                loss_of = torch.compile(loss_of)
            seconds, cpu_seconds, loss = train_steps(loss_of, model, options)
        except Exception as error:  # a variant that this version cannot train on a CPU
            print(f"{name} {variant}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
            continue
        result = {
            "model": name,
            **variant,
            "tokens_per_second": round(tokens / statistics.median(seconds), 1),
            "fastest": round(tokens / min(seconds), 1),
            "slowest": round(tokens / max(seconds), 1),
            # Comparable on a busy machine, with OMP_WAIT_POLICY=passive so that waiting costs nothing.
            "tokens_per_cpu_second": round(tokens * options.steps / cpu_seconds, 1),
            "parameters": sum(p.numel() for p in model.parameters()),
            "batch": options.batch,
            "sequence": options.sequence,
            "threads": options.threads,
            "steps": options.steps,
            "loss": round(loss, 3),
            "torch": torch.__version__,
        }
        speeds = f"{result['tokens_per_second']} tokens/s, {result['tokens_per_cpu_second']} per CPU second"
        print(f"{name} {variant}: {speeds}", file=sys.stderr)
        if best is None or result["tokens_per_second"] > best["tokens_per_second"]:
            best = result
    if best is None:
        sys.exit(f"{name}: no variant ran")
    print(json.dumps(best), flush=True)


def main():
    options = arguments()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)  # before torch is imported
    import torch

    torch.set_num_threads(options.threads)
    for name in options.models:
        measure(name, options)


if __name__ == "__main__":
    main()
