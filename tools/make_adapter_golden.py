#!/usr/bin/env python3
"""Makes src/model/testdata/adapters/<name>/: adapters that PEFT saved, with the logits of their base with them.

    pip install torch transformers==5.24.0 peft safetensors
    tools/make_adapter_golden.py [NAME...]

The files are committed; the tests need no Python. The bases are those of make_model_golden.py. Each folder holds
adapter_config.json, adapter_model.safetensors and golden.safetensors (tokens, logits).
"""
import json
import os
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src", "model", "testdata")

# Name: base, settings.
ADAPTERS = {
    "qwen2": ("qwen2", dict(r=4, lora_alpha=8, target_modules="all-linear")),
    "llama_patterns": ("llama", dict(r=4, lora_alpha=6, use_rslora=True, target_modules=["q_proj", "v_proj", "down_proj"],
                                     rank_pattern={"v_proj": 2}, alpha_pattern={r"layers\.1\..*q_proj": 9})),
    "qwen2_dora": ("qwen2", dict(r=4, lora_alpha=8, use_dora=True, target_modules="all-linear")),
    "latent_all_linear": ("deepseek_v3_plain", dict(r=2, lora_alpha=4, target_modules="all-linear")),
    "fused_experts": ("deepseek_v2", dict(r=2, lora_alpha=4, target_modules=["kv_b_proj", "o_proj"],
                                          target_parameters=["mlp.experts.gate_up_proj", "mlp.experts.down_proj"])),
}


def make(name):
    base, settings = ADAPTERS[name]
    torch.manual_seed(7)
    model = AutoModelForCausalLM.from_pretrained(os.path.join(DATA, base), dtype=torch.float32,
                                                 attn_implementation="eager")
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **settings)).eval()
    with torch.no_grad():
        for key, tensor in adapted.named_parameters():
            if "lora_magnitude" in key:
                tensor.mul_(1 + 0.2 * torch.randn_like(tensor))
            elif "lora_" in key:
                tensor.copy_(0.2 * torch.randn_like(tensor))
        tokens = load_file(os.path.join(DATA, base, "golden.safetensors"))["tokens"].reshape(1, -1).long()
        logits = adapted(tokens).logits[0].float()
        with adapted.disable_adapter():
            plain = adapted(tokens).logits[0].float()
    folder = os.path.join(DATA, "adapters", name)
    adapted.save_pretrained(folder)
    config = os.path.join(folder, "adapter_config.json")
    with open(config) as file:
        keys = json.load(file)
    keys["base_model_name_or_path"] = "../../" + base
    with open(config, "w") as file:
        json.dump(keys, file, indent=1)
    readme = os.path.join(folder, "README.md")
    if os.path.exists(readme):
        os.remove(readme)
    again = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(os.path.join(DATA, base), dtype=torch.float32,
                                             attn_implementation="eager"), folder).eval()
    with torch.no_grad():
        reloaded = again(tokens).logits[0].float()
    save_file({"tokens": tokens[0].to(torch.int32).contiguous(), "logits": logits.contiguous()},
              os.path.join(folder, "golden.safetensors"))
    print(f"{name}: changes logits by up to {(logits - plain).abs().max():.3f}, reloaded differs by "
          f"{(logits - reloaded).abs().max():.1e}; {sum(os.path.getsize(os.path.join(folder, f)) for f in os.listdir(folder))} bytes")


if __name__ == "__main__":
    for wanted in sys.argv[1:] or ADAPTERS:
        make(wanted)
