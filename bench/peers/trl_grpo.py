"""Measures one way of running TRL's GRPOTrainer on the CPU and prints a JSON line. grpo_speed.py starts it,
under torch.distributed when a way has several processes.

Weights are random and replies have a fixed length, so that only the model's work counts; the reward is a
comparison of strings.
"""
import contextlib
import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import datasets
import torch
import transformers
import trl
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors


def make_tokenizer(vocabulary):
    """Bytes, one token each; tokens that frame a prompt; fillers up to the model's vocabulary."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<bos>", "<eos>", "<pad>", "<assistant>"]
    specials += [f"<filler{i}>" for i in range(vocabulary - len(alphabet) - len(specials))]
    tokenizer.add_special_tokens([AddedToken(s, special=True) for s in specials])
    frame = [(s, tokenizer.token_to_id(s)) for s in ("<bos>", "<assistant>")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A <assistant>", special_tokens=frame
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>"
    )


def make_problems(count):
    """Look-ups of one length, 41 tokens with their frame: "k3=71 a9=20 ... k3?"."""
    draw = random.Random(1)
    names = [f"{letter}{digit}" for letter in "abcdefghijklmnopqrstuvwxyz" for digit in range(10)]
    problems = []
    for _ in range(count):
        keys = draw.sample(names, 6)
        values = [str(draw.randint(10, 99)) for _ in keys]
        asked = draw.randrange(len(keys))
        pairs = " ".join(f"{k}={v}" for k, v in zip(keys, values))
        problems.append({"prompt": f"{pairs} {keys[asked]}?", "gold": values[asked]})
    return problems


def right(completions, gold, **_):
    """Is the reply the number? Its digits count a little, so that the replies of a group differ."""
    return [float(c.strip() == g) + 0.01 * sum(d.isdigit() for d in c) for c, g in zip(completions, gold)]


def make_model(shape, way):
    fields = json.loads(Path(shape).read_text())
    config = transformers.AutoConfig.for_model(fields.pop("model_type"), **fields)
    options = {"attn_implementation": way["attention"]}
    if "n_routed_experts" in fields:
        options["experts_implementation"] = way["experts"]
    torch.manual_seed(1)
    return transformers.AutoModelForCausalLM.from_config(config, **options).float()


def make_config(task, way, folder):
    return trl.GRPOConfig(
        output_dir=folder,
        use_cpu=True,
        bf16=False,
        activation_checkpointing=False,
        torch_compile=way["compile"],
        per_device_train_batch_size=way["batch"],
        gradient_accumulation_steps=task["prompts"] * task["group"] // way["batch"] // way["processes"],
        num_generations=task["group"],
        max_completion_length=task["reply_tokens"],
        generation_kwargs={"min_new_tokens": task["reply_tokens"]},
        cache_implementation="static" if way["generation"] == "static" else None,
        use_transformers_continuous_batching=way["generation"] == "continuous",
        max_steps=task["warmup"] + task["steps"],
        beta=0.0,
        num_iterations=1,
        learning_rate=1e-6,
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        seed=1,
    )


class Meter(transformers.TrainerCallback):
    """Seconds of every step, from the end of one update to the end of the next, and of its generation."""

    def __init__(self, trainer, warmup):
        self.warmup, self.steps, self.generation, self.lengths = warmup, [], [], []
        self.last = self.cpu_begin = self.cpu_end = self.generating = 0.0
        self.generate, trainer._generate_single_turn = trainer._generate_single_turn, self.timed
        trainer.add_callback(self)

    def timed(self, *arguments, **named):
        begin = time.perf_counter()
        ids, logprobs = self.generate(*arguments, **named)
        self.generating += time.perf_counter() - begin
        self.lengths += [len(i) for i in ids]
        return ids, logprobs

    def on_train_begin(self, args, state, control, **_):
        self.last = time.perf_counter()

    def on_step_end(self, args, state, control, **_):
        now = time.perf_counter()
        self.cpu_end = time.process_time()
        if state.global_step > self.warmup:
            self.steps.append(now - self.last)
            self.generation.append(self.generating)
        if state.global_step == self.warmup:
            self.cpu_begin = self.cpu_end
        self.last, self.generating = now, 0.0


def run(shape, task, way):
    model = make_model(shape, way)
    tokenizer = make_tokenizer(model.config.vocab_size)
    total = task["warmup"] + task["steps"]
    problems = make_problems(task["prompts"] * total)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        trainer = trl.GRPOTrainer(
            model=model,
            reward_funcs=right,
            args=make_config(task, way, folder),
            train_dataset=datasets.Dataset.from_list(problems),
            processing_class=tokenizer,
        )
        torch.set_num_threads(way["threads"])
        meter = Meter(trainer, task["warmup"])
        trainer.train()
    samples = task["prompts"] * task["group"]
    if set(meter.lengths) != {task["reply_tokens"]}:
        sys.exit(f"replies of {sorted(set(meter.lengths))} tokens instead of {task['reply_tokens']}")
    if len(meter.lengths) * way["processes"] != samples * total or len(meter.steps) != task["steps"]:
        sys.exit(f"{len(meter.lengths)} replies and {len(meter.steps)} timed steps: not the work asked for")
    seconds, generation = statistics.median(meter.steps), statistics.median(meter.generation)
    cores = way["threads"] * way["processes"]
    cpu_seconds = (meter.cpu_end - meter.cpu_begin) * way["processes"]
    return {
        "model": Path(shape).stem,
        "way": way,
        "seconds_per_step": round(seconds, 3),
        "fastest": round(min(meter.steps), 3),
        "slowest": round(max(meter.steps), 3),
        "generation_seconds": round(generation, 3),
        "update_seconds": round(seconds - generation, 3),
        "samples_per_core_second": round(samples / seconds / cores, 2),
        "samples_per_cpu_second": round(samples * task["steps"] / cpu_seconds, 2),
        "parameters": sum(p.numel() for p in model.parameters()),
        "prompt_tokens": len(tokenizer(problems[0]["prompt"]).input_ids),
        **task,
        "load": [round(x, 2) for x in os.getloadavg()],
        "versions": {m.__name__: m.__version__ for m in (torch, transformers, trl)},
    }


def main():
    shape, task, way = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
    torch.set_num_threads(way["threads"])
    result = run(shape, task, way)
    if os.environ.get("RANK", "0") == "0":
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
