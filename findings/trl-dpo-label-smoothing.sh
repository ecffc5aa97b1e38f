#!/bin/bash
# trl 1.16.0: DPOConfig(loss_type="sigmoid", label_smoothing=0.1), conservative DPO.
# Guess: the labels are smoothed, or the combination is refused.
# Seen: neither: the loss is that of label_smoothing 0, without a word. "robust", "exo_pair" and "aot" alone read it.
. "$(dirname "$0")/common.sh"
install torch==2.15.0 datasets==5.2.0 transformers==5.24.0 accelerate
install --no-deps trl==1.16.0
run <<'PY'
import collections, types, warnings
from importlib.metadata import version
import torch
from trl import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
print("trl", version("trl"))

def loss(loss_type, smoothing):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        args = DPOConfig(output_dir="out", loss_type=[loss_type], label_smoothing=smoothing, bf16=False, use_cpu=True)
    logs = torch.tensor([[-1.0, -1.0], [-3.0, -1.0]])
    out = types.SimpleNamespace(log_probs=logs, entropy=logs * 0, mean_logits=logs * 0, is_top1=logs > 0, aux_loss=None)
    keep = lambda x: x
    me = types.SimpleNamespace(
        accelerator=types.SimpleNamespace(device="cpu", gather=keep, gather_for_metrics=keep), aux_loss_enabled=False,
        ld_alpha=None, precompute_ref_logps=True, f_divergence_type="reverse_kl", loss_types=args.loss_type,
        loss_weights=[1.0], beta=args.beta, label_smoothing=args.label_smoothing, use_weighting=False,
        _total_train_tokens=0, _tp_size=1, args=args, _metrics={"train": collections.defaultdict(list)})
    me.model = type("M", (), {"training": True, "__call__": lambda self, **k: out})()
    inputs = dict(input_ids=torch.zeros(2, 3, dtype=torch.long), attention_mask=torch.ones(2, 3),
                  completion_mask=torch.tensor([[0, 1, 1], [0, 1, 1]]), ref_chosen_logps=torch.tensor([-2.5]),
                  ref_rejected_logps=torch.tensor([-2.5]))
    value = DPOTrainer._compute_loss(me, me.model, inputs, False).item()
    print(f"{loss_type:8} label_smoothing {smoothing}: {value:.6f}", [str(w.message)[:60] for w in seen if "smoothing" in str(w.message)])
    return value

assert loss("sigmoid", 0.1) == loss("sigmoid", 0.0)
assert loss("robust", 0.1) != loss("robust", 0.0)
PY
