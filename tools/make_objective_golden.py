#!/usr/bin/env python3
"""Makes src/testing/data/*_losses.golden.json: losses of TRL on fixed batches, with their gradients.

    pip install torch trl==1.16.0
    tools/make_objective_golden.py [FOLDER]

The files are committed; the tests need no Python. Every number is what TRL's own functions return:
  policy_losses      GRPOTrainer._compute_loss with the log-probabilities given to it; gradients by them
  apart_advantages   the lines of GRPOTrainer for multi_objective_aggregation="normalize_then_sum"
  preference_losses  DPOTrainer._compute_loss; gradients by the sequences' log-probabilities
  divergence_losses  GKDTrainer.generalized_jsd_loss, the functions of ServerDistillationTrainer for the teacher's
                     most probable tokens, and the kernel of DistillationTrainer; gradients by the student's logits
"""
import collections
import inspect
import json
import os
import sys
import textwrap
import types

import torch
from torch.nn import functional as F

torch.manual_seed(5)
torch.set_printoptions(precision=9)


def rounded(value, digits=9):
    if isinstance(value, torch.Tensor):
        value = value.detach().tolist()
    if isinstance(value, list):
        return [rounded(v, digits) for v in value]
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value


def ragged(matrix, lengths):
    return [row[:n] for row, n in zip(rounded(matrix), lengths)]


class Accelerator:
    num_processes = 1
    device = "cpu"

    def gather(self, x):
        return x

    gather_for_metrics = gather

    def reduce(self, x, reduction="sum"):
        return x

    def pad_across_processes(self, x, dim=0, pad_index=0):
        return x


def policy_losses():
    from trl.trainer.grpo_trainer import GRPOTrainer

    lengths = [5, 3, 7, 1, 4]
    rows, columns = len(lengths), max(lengths)
    mask = torch.tensor([[1.0] * n + [0.0] * (columns - n) for n in lengths])
    logs = (-3 * torch.rand(rows, columns, dtype=torch.float32) - 0.05) * mask
    old = logs + 0.35 * torch.randn(rows, columns) * mask
    # One reply that has become unlikely and one that has become likely.
    old[1] += 0.4 * mask[1]
    old[4] -= 0.5 * mask[4]
    drawn = old + 0.2 * torch.randn(rows, columns) * mask
    reference = logs + 0.5 * torch.randn(rows, columns) * mask
    entropies = torch.rand(rows, columns) * 2 * mask
    advantages = torch.tensor([1.25, -0.75, 0.5, -1.5, -0.4])
    cap = 1.1

    base = dict(level="token", loss="grpo", low=0.2, high=0.28, delta=None, beta=0.0, unbiased=False, top=1.0,
                off=None, rounded=False)
    cases = {
        "ppo": {}, "ppo_token": dict(loss="dapo"), "ppo_kl": dict(beta=0.1), "ppo_kl_unbiased": dict(beta=0.1, unbiased=True),
        "gspo": dict(level="sequence", low=0.05, high=0.1),
        "gspo_wide": dict(level="sequence"),
        "gspo_token_mean": dict(level="sequence", loss="dapo"),
        "gspo_kl_unbiased": dict(level="sequence", beta=0.2, unbiased=True),
        "gspo_rounded": dict(level="sequence", rounded=True),
        "two_sided": dict(delta=1.4), "two_sided_below_clip": dict(delta=1.1), "two_sided_gspo": dict(delta=1.1, level="sequence"),
        "cispo": dict(loss="cispo", high=1.2), "cispo_gspo": dict(loss="cispo", high=1.05, level="sequence"),
        "sapo": dict(loss="sapo"), "sapo_gspo": dict(loss="sapo", level="sequence"),
        "top_entropy": dict(top=0.35), "top_entropy_gspo": dict(top=0.5, level="sequence"),
        "top_entropy_kl": dict(top=0.2, beta=0.1),
        "off_policy": dict(off=0.02), "off_policy_rounded": dict(off=0.1, rounded=True),
        "off_policy_gspo_kl": dict(off=0.02, level="sequence", beta=0.1),
        "dr_grpo": dict(loss="dr_grpo"),
    }
    made = []
    for name, change in cases.items():
        c = dict(base, **change)
        now = logs.clone().requires_grad_(True)
        trainer = types.SimpleNamespace(
            _get_per_token_logps_and_entropies=lambda *a, **k: (now, entropies, None),
            aux_loss_enabled=False, top_entropy_quantile=c["top"], off_policy_mask_threshold=c["off"],
            get_off_policy_mask=GRPOTrainer.get_off_policy_mask, importance_sampling_level=c["level"], beta=c["beta"],
            args=types.SimpleNamespace(use_bias_correction_kl=c["unbiased"], delta=c["delta"], sapo_temperature_pos=1.0,
                                       sapo_temperature_neg=1.05, steps_per_generation=1),
            loss_type=c["loss"], epsilon_low=c["low"], epsilon_high=c["high"], use_vllm=c["rounded"],
            vllm_importance_sampling_correction=True, model=types.SimpleNamespace(training=True),
            current_gradient_accumulation_steps=1, accelerator=Accelerator(), _entropy_bonus_enabled=False,
            max_completion_length=columns, _metrics={"train": collections.defaultdict(list)})
        trainer.get_high_entropy_mask = lambda *a, t=trainer: GRPOTrainer.get_high_entropy_mask(t, *a)
        inputs = dict(prompt_ids=torch.zeros(rows, 1, dtype=torch.long), prompt_mask=torch.ones(rows, 1),
                      completion_ids=torch.zeros(rows, columns, dtype=torch.long), completion_mask=mask,
                      advantages=advantages, old_per_token_logps=old, ref_per_token_logps=reference,
                      num_items_in_batch=mask.sum())
        if c["rounded"]:
            inputs["sampling_per_token_logps"] = drawn
            inputs["importance_sampling_ratio"] = torch.exp(old - drawn).clamp(max=cap)
        loss = GRPOTrainer._compute_loss(trainer, None, inputs)
        loss.backward()
        made.append(dict(name=name, **{k: v for k, v in c.items()}, value=rounded(loss.item()),
                         gradient=ragged(now.grad, lengths)))
    return dict(lengths=lengths, advantages=rounded(advantages), ratio_cap=cap, reply_tokens=columns,
                now=ragged(logs, lengths), old=ragged(old, lengths), drawn=ragged(drawn, lengths),
                reference=ragged(reference, lengths), entropies=ragged(entropies, lengths), cases=made)


def apart_advantages():
    from trl.trainer import grpo_trainer

    source = inspect.getsource(grpo_trainer.GRPOTrainer)
    begin = source.index('elif self.multi_objective_aggregation == "normalize_then_sum":\n')
    lines = source[begin:source.index("        else:", begin)].split("\n", 1)[1]
    end = source.index("unscorable_mask = ")
    nan = float("nan")
    # Two groups of four: a part in which the first group agrees, and one that judges some replies only.
    rewards = torch.tensor([[1, 0.5, 0.25], [1, 0.0, nan], [1, 0.5, 0.75], [1, 1.0, 0.5],
                            [0, 0.0, nan], [1, 0.0, nan], [0, 1.0, nan], [0, 0.5, nan]], dtype=torch.float64)
    weights = torch.tensor([1.0, 0.5, -0.25], dtype=torch.float64)
    names = dict(torch=torch, nanstd=grpo_trainer.nanstd, rewards_per_func=rewards, num_generations=4, device="cpu",
                 unscorable_mask=torch.isnan(rewards).all(dim=1),
                 self=types.SimpleNamespace(reward_funcs=[0, 1, 2], reward_weights=weights))
    assert end > 0
    exec(textwrap.dedent(lines), names)
    return dict(parts=[[None if v != v else v for v in row] for row in rewards.tolist()], weights=rounded(weights), group=4,
                advantages=rounded(names["advantages"], 12))


def preference_losses():
    from trl.trainer.dpo_trainer import DPOTrainer

    pairs = 3
    chosen, rejected = torch.tensor([4, 2, 6]), torch.tensor([3, 5, 2])
    columns = 8
    lengths = torch.cat([chosen, rejected])
    mask = torch.zeros(2 * pairs, columns, dtype=torch.long)
    for row, n in enumerate(lengths):
        mask[row, 1:1 + n] = 1
    logs = -2 * torch.rand(2 * pairs, columns - 1, dtype=torch.float64) * mask[:, 1:]
    reference = (logs + 0.4 * torch.randn(2 * pairs, columns - 1, dtype=torch.float64) * mask[:, 1:]).sum(1)
    made = []
    for name, loss_type, beta, smoothing in [
            ("sigmoid", "sigmoid", 0.1, 0.0), ("sigmoid_1", "sigmoid", 1.0, 0.0), ("robust", "robust", 0.5, 0.1),
            ("ipo", "ipo", 0.1, 0.0), ("ipo_1", "ipo", 1.0, 0.0), ("conservative", "aot", 0.5, 0.1)]:
        values, slopes, metrics = [], [[] for _ in range(2 * pairs)], collections.defaultdict(list)
        # TRL sorts the pairs of a batch for 'aot': of one pair it is the sigmoid loss with smoothed labels.
        for group in ([[i] for i in range(pairs)] if loss_type == "aot" else [list(range(pairs))]):
            places = group + [pairs + i for i in group]
            now = logs[places].clone().requires_grad_(True)
            out = types.SimpleNamespace(
                log_probs=now, entropy=torch.zeros(now.shape), mean_logits=torch.zeros(now.shape),
                is_top1=torch.zeros(now.shape, dtype=torch.bool), log_sum_sq_probs=torch.zeros(now.shape), aux_loss=None)
            half = len(group)
            trainer = types.SimpleNamespace(
                model=lambda **k: out, accelerator=Accelerator(), aux_loss_enabled=False, ld_alpha=None,
                precompute_ref_logps=True, f_divergence_type="reverse_kl", loss_types=[loss_type], loss_weights=[1.0],
                beta=beta, label_smoothing=smoothing, use_weighting=False, _total_train_tokens=0, _tp_size=1,
                _metrics={"train": metrics}, args=None)
            trainer.model = type("M", (), {"training": True, "__call__": lambda self, **k: out})()
            inputs = dict(input_ids=torch.zeros(2 * half, columns, dtype=torch.long),
                          attention_mask=torch.ones(2 * half, columns), completion_mask=mask[places],
                          ref_chosen_logps=reference[places[:half]], ref_rejected_logps=reference[places[half:]])
            loss = DPOTrainer._compute_loss(trainer, trainer.model, inputs, False)
            loss.backward()
            values.append(loss.item())
            for k, place in enumerate(places):
                tokens = mask[place, 1:].bool()
                gradient = now.grad[k][tokens] * half / pairs
                assert torch.allclose(gradient, gradient[0]), "the same for all tokens of a reply"
                slopes[place] = gradient[0].item()
        mean = lambda key: sum(metrics[key]) / len(metrics[key])
        made.append(dict(name=name, beta=beta, smoothing=smoothing, value=rounded(sum(values) / len(values), 12),
                         chosen_slopes=rounded(slopes[:pairs], 12), rejected_slopes=rounded(slopes[pairs:], 12),
                         accuracy=rounded(mean("rewards/accuracies")), margin=rounded(mean("rewards/margins"), 6)))
    sums = logs.sum(1)
    return dict(chosen_tokens=chosen.tolist(), rejected_tokens=rejected.tolist(), chosen=rounded(sums[:pairs], 15),
                rejected=rounded(sums[pairs:], 15), reference_chosen=rounded(reference[:pairs], 15),
                reference_rejected=rounded(reference[pairs:], 15), cases=made)


def divergence_losses():
    from trl.experimental.gkd.gkd_trainer import GKDTrainer
    from trl.experimental.server_distillation import server_distillation_trainer as server
    from trl.kernels.chunked_divergence import ChunkedDivergenceFunction

    positions, vocabulary = 3, 11
    student = (2 * torch.randn(positions, vocabulary)).float()
    teacher = (2 * torch.randn(positions, vocabulary)).float()
    made = []
    for temperature in [1.0, 2.0]:
        for beta in [0.0, 0.1, 0.5, 0.9, 1.0]:
            z = student.clone().requires_grad_(True)
            loss = GKDTrainer.generalized_jsd_loss(z[None], teacher[None], beta=beta, temperature=temperature,
                                                   reduction="sum")
            loss.backward()
            # DistillationTrainer's own kernel agrees: an identity in the place of the heads.
            eye, y = torch.eye(vocabulary), student.clone().requires_grad_(True)
            parts, _ = ChunkedDivergenceFunction.apply(y, eye, None, teacher, eye, None, beta, temperature, 1.0, None,
                                                       1.0, None)
            parts.sum().backward()
            assert abs(parts.sum().item() - loss.item()) < 1e-5 and torch.allclose(y.grad, z.grad, atol=1e-5)
            made.append(dict(beta=beta, temperature=temperature, value=rounded(loss.item()), gradient=rounded(z.grad)))
    sparse = []
    known, tokens = torch.topk(F.log_softmax(teacher, -1), 4)
    valid = torch.ones_like(known, dtype=torch.bool)
    for tail in [True, False]:
        for beta in [0.0, 0.4, 1.0]:
            z = student.clone().requires_grad_(True)
            mine = F.log_softmax(z, -1).gather(-1, tokens)
            if tail:
                a, support = server._add_tail_bucket(mine, valid)
                b, _ = server._add_tail_bucket(known, valid)
            else:
                support = valid
                a = mine - torch.logsumexp(mine, -1, keepdim=True)
                b = known - torch.logsumexp(known, -1, keepdim=True)
            loss = server._jsd_divergence(a, b, beta, support).sum()
            loss.backward()
            sparse.append(dict(beta=beta, tail=tail, value=rounded(loss.item()), gradient=rounded(z.grad)))
    return dict(student=rounded(student), teacher=rounded(teacher), cases=made,
                top=dict(tokens=tokens.tolist(), log_probabilities=rounded(known), cases=sparse))


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../src/testing/data")
    for make in [policy_losses, apart_advantages, preference_losses, divergence_losses]:
        path = os.path.join(folder, make.__name__ + ".golden.json")
        with open(path, "w") as file:
            json.dump(make(), file, separators=(",", ":"))
            file.write("\n")
        print(path, os.path.getsize(path))


if __name__ == "__main__":
    main()
