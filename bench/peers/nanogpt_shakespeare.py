"""nanoGPT's setting for a laptop CPU on tiny Shakespeare, character by character: 4 layers, 4 heads,
width 128, context 64, batch 12, 2000 steps. Its README reports a validation loss of 1.88 after ~3 minutes.
Prints one JSON line with the final losses and the seconds with and without the evaluations.

    python nanogpt_shakespeare.py tinyshakespeare.txt [--seed 1337] [--threads 2]
"""
import argparse
import json
import math
import os
import sys
import time
from pathlib import Path

STEPS, WARMUP, BATCH, CONTEXT = 2000, 100, 12, 64
HIGHEST, LOWEST = 1e-3, 1e-4  # learning rates of the cosine
EVALUATE_EVERY, EVALUATION_BATCHES = 250, 20


def learning_rate(step):
    if step < WARMUP:
        return HIGHEST * (step + 1) / (WARMUP + 1)
    progress = (step - WARMUP) / (STEPS - WARMUP)
    return LOWEST + 0.5 * (1 + math.cos(math.pi * progress)) * (HIGHEST - LOWEST)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text")
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fused", action="store_true", help="torch's fused AdamW (nanoGPT: only on GPUs)")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)  # before torch is imported
    import torch

    from gpt import Gpt, Shape, adamw

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    text = Path(options.text).read_text(encoding="utf-8")
    alphabet = sorted(set(text))
    ids = {character: i for i, character in enumerate(alphabet)}
    data = torch.tensor([ids[character] for character in text])
    cut = int(0.9 * len(data))
    parts = {"train": data[:cut], "validation": data[cut:]}

    def batch(part):
        starts = torch.randint(len(parts[part]) - CONTEXT, (BATCH,))
        windows = torch.stack([parts[part][s : s + CONTEXT + 1] for s in starts.tolist()])
        return windows[:, :-1], windows[:, 1:]

    model = Gpt(Shape(len(alphabet), CONTEXT, layers=4, heads=4, width=128))
    optimizer = adamw(model, HIGHEST, 0.99, 0.1, fused=options.fused)

    @torch.no_grad()
    def evaluate(part, batches):
        model.eval()
        loss = sum(model(*batch(part)).item() for _ in range(batches)) / batches
        model.train()
        return loss

    losses = {}
    evaluation_seconds = 0.0
    begin, cpu_begin = time.perf_counter(), time.process_time()
    for step in range(STEPS + 1):
        if step % EVALUATE_EVERY == 0:
            start = time.perf_counter()
            losses = {part: evaluate(part, EVALUATION_BATCHES) for part in parts}
            evaluation_seconds += time.perf_counter() - start
            print(f"step {step}: {losses}", file=sys.stderr)
        if step == STEPS:
            break
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        loss = model(*batch("train"))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin

    # Twenty batches are noisy (about 0.02), so the end is also judged on the whole validation text.
    with torch.no_grad():
        held_out = parts["validation"]
        count = (len(held_out) - 1) // CONTEXT
        inputs = held_out[: count * CONTEXT].view(count, CONTEXT)
        targets = held_out[1 : count * CONTEXT + 1].view(count, CONTEXT)
        whole = model(inputs, targets).item()
    print(
        json.dumps(
            {
                "model": "nanogpt shakespeare",
                "validation_loss": round(losses["validation"], 4),
                "train_loss": round(losses["train"], 4),
                "whole_validation_loss": round(whole, 4),
                "seconds": round(seconds, 1),
                "seconds_without_evaluation": round(seconds - evaluation_seconds, 1),
                "cpu_seconds": round(cpu_seconds, 1),
                "tokens_per_second": round(STEPS * BATCH * CONTEXT / (seconds - evaluation_seconds)),
                "parameters": sum(p.numel() for p in model.parameters()),
                "threads": options.threads,
                "torch": torch.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
