"""One run of TRL's GRPOTrainer on given problems, from a given model, with weir's rewards. learning_cost.py starts
it. Writes OUT/costs.jsonl, a line per step with the core-seconds (user and system, all threads) spent so far,
and the weights as OUT/step-N/model.safetensors. Writing weights, loading and imports are not counted.

    python trl_learning.py MODEL PROBLEMS.jsonl OUT '{"steps": 60, "every": 5, ...}'
"""
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import datasets
import torch
import transformers
import trl

from reply_rewards import WEIGHTS, Replies

FIRST = {
    "steps": 60,
    "every": 5,  # steps between weights that are kept
    "prompts": 32,  # of a step
    "group": 8,
    "batch": 256,  # sequences of a forward and backward pass
    "lr": 5e-4,
    "warmup": 10,
    "reply_tokens": 112,
    "temperature": 1.0,
    "loss": "dapo",
    "scale": "group",  # of advantages
    "iterations": 1,  # updates from the same replies
    "split": 1,  # updates that the replies drawn at once are divided into
    "epsilon_high": 0.28,
    "weights": list(WEIGHTS.values()),
    "attention": "eager",
    "experts": "grouped_mm",
    "threads": 2,
    "bf16": False,
    "compile": False,
    "kinds": None,  # only problems of these kinds, as "words:5"
    "adapter": None,  # {"r": 16, "lora_alpha": 32, "target_modules": ...}
    "seed": 1,
}


def read_problems(path, way):
    rows = []
    for line in Path(path).read_text().splitlines():
        row = json.loads(line)
        if way["kinds"] and f"{row['family']}:{row['difficulty']}" not in way["kinds"]:
            continue
        prompt = [{"role": "user", "content": row["question"]}]
        rows.append({"prompt": prompt, "gold": row["gold"], "language": row["language"]})
    return rows


def load(model, way):
    options = {"attn_implementation": way["attention"], "dtype": torch.float32}
    config = transformers.AutoConfig.from_pretrained(model)
    if getattr(config, "n_routed_experts", None):
        options["experts_implementation"] = way["experts"]
    return transformers.AutoModelForCausalLM.from_pretrained(model, **options)


def make_config(way, folder):
    replies = way["prompts"] * way["group"]
    return trl.GRPOConfig(
        output_dir=folder,
        use_cpu=True,
        bf16=way["bf16"],
        activation_checkpointing=False,
        torch_compile=way["compile"],
        per_device_train_batch_size=min(way["batch"], replies),
        gradient_accumulation_steps=max(1, replies // way["batch"] // way["split"]),
        steps_per_generation=max(1, replies // way["batch"]),
        num_generations=way["group"],
        max_completion_length=way["reply_tokens"],
        temperature=way["temperature"],
        max_steps=way["steps"],
        learning_rate=way["lr"],
        lr_scheduler_type="constant_with_warmup",
        warmup_steps=way["warmup"],
        weight_decay=0.0,
        max_grad_norm=1.0,
        beta=0.0,
        loss_type=way["loss"],
        scale_rewards=way["scale"],
        epsilon=0.2,
        epsilon_high=way["epsilon_high"],
        num_iterations=way["iterations"],
        reward_weights=way["weights"],
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        seed=way["seed"],
    )


class Rewards:
    """The three parts of a reply's reward, computed once; counts right answers."""

    def __init__(self, tokenizer):
        self.replies, self.right, self.count, self.tokens = Replies(tokenizer), 0, 0, 0
        self.parts = []

    def accuracy(self, completion_ids, gold, language, **_):
        self.parts = [self.replies.parts(i, g, s) for i, g, s in zip(completion_ids, gold, language)]
        self.right += sum(p[0] for p in self.parts)
        self.count += len(self.parts)
        self.tokens += sum(len(i) for i in completion_ids)
        return [p[0] for p in self.parts]

    def format(self, **_):
        return [p[1] for p in self.parts]

    def language(self, **_):
        return [p[2] for p in self.parts]


class Meter(transformers.TrainerCallback):
    def __init__(self, out, every, rewards):
        self.out, self.every, self.rewards = out, every, rewards
        self.cost = self.wall = 0.0
        self.began = (0.0, 0.0)

    def now(self):
        return time.process_time(), time.perf_counter()

    def on_train_begin(self, args, state, control, **_):
        self.began = self.now()

    def on_step_end(self, args, state, control, model=None, **_):
        cost, wall = (b - a for a, b in zip(self.began, self.now()))
        self.cost, self.wall = self.cost + cost, self.wall + wall
        line = {
            "step": state.global_step,
            "core_seconds": round(self.cost, 3),
            "seconds": round(self.wall, 3),
            "replies": self.rewards.count,
            "reply_tokens": self.rewards.tokens,
            "right": self.rewards.right,
        }
        with open(self.out / "costs.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), file=sys.stderr, flush=True)
        if state.global_step % self.every == 0:
            model.save_pretrained(self.out / f"step-{state.global_step}")
        self.began = self.now()


def main():
    source, problems, out = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    way = {**FIRST, **json.loads(sys.argv[4])}
    torch.set_num_threads(way["threads"])
    tokenizer = transformers.AutoTokenizer.from_pretrained(source)
    model = load(source, way)
    out.mkdir(parents=True)
    (out / "way.json").write_text(json.dumps(way) + "\n")
    rewards = Rewards(tokenizer)
    options = {}
    if way["adapter"]:
        import peft

        options["peft_config"] = peft.LoraConfig(task_type="CAUSAL_LM", **way["adapter"])
    with tempfile.TemporaryDirectory() as folder:
        trainer = trl.GRPOTrainer(
            model=model,
            reward_funcs=[rewards.accuracy, rewards.format, rewards.language],
            args=make_config(way, folder),
            train_dataset=datasets.Dataset.from_list(read_problems(problems, way)),
            processing_class=tokenizer,
            **options,
        )
        torch.set_num_threads(way["threads"])
        trainer.add_callback(Meter(out, way["every"], rewards))
        trainer.train()
    print(f"whole process: {time.process_time():.1f} core-seconds", file=sys.stderr)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
