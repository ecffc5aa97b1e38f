#!/bin/bash
# peft 0.21.2 with transformers 5.24.0: target_modules=["gate_proj", "up_proj", "down_proj"] on a model that has experts.
# Guess: every projection of that name gets an adapter: those of dense layers, of shared experts, and the routed ones.
# Seen: transformers 5 keeps routed experts as two tensors, so PEFT turns these names into target_parameters and drops them
# from target_modules: dense layers and shared experts are left out, and no warning says so ("all-linear" does the same).
. "$(dirname "$0")/common.sh"
install torch==2.15.0 transformers==5.24.0 peft==0.21.2
run <<'PY'
from importlib.metadata import version
from peft import LoraConfig, get_peft_model
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM
print("peft", version("peft"), "transformers", version("transformers"))

model = DeepseekV3ForCausalLM(DeepseekV3Config(
    vocab_size=64, hidden_size=32, intermediate_size=48, moe_intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
    num_key_value_heads=2, n_shared_experts=1, n_routed_experts=4, num_experts_per_tok=2, first_k_dense_replace=1, n_group=1,
    topk_group=1, kv_lora_rank=8, q_lora_rank=16, qk_rope_head_dim=4, qk_nope_head_dim=8, v_head_dim=8))
wanted = [name for name, _ in model.named_modules() if name.endswith(("gate_proj", "up_proj", "down_proj"))]
adapted = get_peft_model(model, LoraConfig(r=2, target_modules=["gate_proj", "up_proj", "down_proj"], task_type="CAUSAL_LM"))
got = sorted({name.split(".lora_")[0].removeprefix("base_model.model.") for name, _ in adapted.named_parameters()
              if ".lora_" in name})
print("linear modules of these names:", *wanted, sep="\n  ")
print("modules with an adapter:", *got, sep="\n  ")
assert wanted and got == ["model.layers.1.mlp.experts", "model.layers.1.mlp.experts.base_layer"]
PY
