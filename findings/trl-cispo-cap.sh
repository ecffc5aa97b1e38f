#!/bin/bash
# trl 1.16.0: GRPOConfig(loss_type="cispo") with its other defaults.
# Guess: on-policy (all ratios 1) the gradient is the policy gradient, as it is for every other loss_type; `epsilon_high`
# bounds the ratio at 1 + epsilon_high.
# Seen: for cispo `epsilon_high` is the bound itself and defaults to `epsilon`, 0.2: every weight is min(ratio, 0.2), so
# the gradient is a fifth, whatever the ratio, and nothing is corrected.
. "$(dirname "$0")/common.sh"
install torch==2.15.0 datasets==5.2.0 transformers==5.24.0 accelerate
install --no-deps trl==1.16.0
run <<'PY'
import collections, types
from importlib.metadata import version
import torch
from trl import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer
print("trl", version("trl"))

def slope(loss_type):
    args = GRPOConfig(output_dir="out", loss_type=loss_type, bf16=False, use_cpu=True)
    high = args.epsilon if args.epsilon_high is None else args.epsilon_high  # as GRPOTrainer.__init__
    logs, mask = torch.tensor([[-1.0, -2.0]], requires_grad=True), torch.ones(1, 2)
    keep = lambda x, **k: x
    me = types.SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *a, **k: (logs, torch.zeros(1, 2), None), aux_loss_enabled=False,
        top_entropy_quantile=1.0, off_policy_mask_threshold=None, importance_sampling_level="token", beta=0.0, args=args,
        loss_type=loss_type, epsilon_low=args.epsilon, epsilon_high=high, use_vllm=False,
        model=types.SimpleNamespace(training=False), current_gradient_accumulation_steps=1,
        accelerator=types.SimpleNamespace(num_processes=1, gather=keep, reduce=lambda x, reduction: x),
        _entropy_bonus_enabled=False, max_completion_length=2, _metrics={"eval": collections.defaultdict(list)})
    inputs = dict(prompt_ids=torch.zeros(1, 1, dtype=torch.long), prompt_mask=torch.ones(1, 1),
                  completion_ids=torch.zeros(1, 2, dtype=torch.long), completion_mask=mask,
                  advantages=torch.tensor([1.0]), num_items_in_batch=mask.sum())
    GRPOTrainer._compute_loss(me, None, inputs).backward()
    return logs.grad[0, 0].item()

for loss_type in ["dapo", "cispo"]:
    print(loss_type, "d loss / d log p of a token, on-policy, advantage 1:", round(slope(loss_type), 6))
assert abs(slope("dapo") + 0.5) < 1e-6 and abs(slope("cispo") + 0.1) < 1e-6
PY
