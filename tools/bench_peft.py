#!/usr/bin/env python3
"""Adapter training with PEFT and transformers, to compare `weir tune` with: tokens a second, tokens a second of processor time, peak memory.

    pip install torch transformers peft
    weir convert BASE.gguf folder/ --type f32      # the same weights, dequantized
    tools/bench_peft.py folder/ rows.jsonl --dtype f32 --tokens 512 --steps 3
    weir tune BASE.gguf --data rows.jsonl --out run --batch-tokens 512 --window 512 --steps 3

Rank 16 on every projection, AdamW; the chat template's conversations, only the reply is learned. A step has as many rows as fit
into --tokens, padded to the longest; the pad is not counted. The first step is not timed."""
import argparse
import json
import resource
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("base", help="folder of HuggingFace")
parser.add_argument("rows", help="JSON lines of question and answer")
parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
parser.add_argument("--tokens", type=int, default=512)
parser.add_argument("--steps", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--checkpointing", action="store_true", help="compute blocks again in the backward pass")
parser.add_argument("--seconds", type=float, default=1e9, help="begin no step after this many")
options = parser.parse_args()

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

began = time.monotonic()
torch.set_num_threads(options.threads)
tokenizer = AutoTokenizer.from_pretrained(options.base)
with open(options.rows, encoding="utf-8") as file:
    rows = [json.loads(line) for line in file]


def encode(row):
    question = [{"role": "user", "content": row["question"]}]
    prompt = tokenizer.apply_chat_template(question, add_generation_prompt=True, tokenize=False)
    whole = prompt + row["answer"] + "<|im_end|>\n"
    tokens, begin = tokenizer(whole)["input_ids"], len(tokenizer(prompt)["input_ids"])
    return tokens, [-100] * begin + tokens[begin:]


def batches():
    batch, used = [], 0
    for row in rows:
        tokens, labels = encode(row)
        if batch and used + len(tokens) > options.tokens:
            yield batch
            batch, used = [], 0
        batch.append((tokens, labels))
        used += len(tokens)


model = AutoModelForCausalLM.from_pretrained(options.base,
                                             dtype=torch.float32 if options.dtype == "f32" else torch.bfloat16)
if options.checkpointing:
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"))
model.train()
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-4)
print(f"loaded after {time.monotonic() - began:.1f} s", file=sys.stderr)
timed, seconds, cores = 0, 0.0, 0.0
for step, batch in enumerate(batches()):
    if step > options.steps or time.monotonic() - began > options.seconds:
        break
    width = max(len(tokens) for tokens, _ in batch)
    pad = lambda values, with_: torch.tensor([row + [with_] * (width - len(row)) for row in values])
    ids, labels = pad([t for t, _ in batch], 0), pad([l for _, l in batch], -100)
    mask = pad([[1] * len(t) for t, _ in batch], 0)
    start, start_cpu = time.monotonic(), time.process_time()
    loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    took = time.monotonic() - start
    count = sum(len(tokens) for tokens, _ in batch)
    print(f"step {step}: {count} tokens, loss {loss.item():.3f}, {took:.2f} s", file=sys.stderr)
    if step > 0:
        timed, seconds, cores = timed + count, seconds + took, cores + time.process_time() - start_cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(json.dumps(dict(dtype=options.dtype, tokens_per_second=round(timed / max(seconds, 1e-9), 1),
                 tokens_per_core_second=round(timed / max(cores, 1e-9), 1), peak_gib=round(peak, 2))))
