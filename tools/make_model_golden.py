#!/usr/bin/env python3
"""Makes src/model/testdata/<family>/: small random models of `transformers` with their logits.

Needs torch, transformers and safetensors from PyPI. The files are committed; the tests need no Python.
Each folder holds config.json, model.safetensors (F32) and golden.safetensors (tokens, logits).
"""
import json
import os
import sys

import torch
import transformers
from safetensors.torch import save_file

TOKENS = 40
BASE = dict(vocab_size=61, hidden_size=32, num_hidden_layers=3, max_position_embeddings=128,
            num_attention_heads=4, rms_norm_eps=1e-6, initializer_range=0.2)
LATENT = dict(kv_lora_rank=16, qk_nope_head_dim=8, qk_rope_head_dim=4, v_head_dim=6, intermediate_size=48,
              n_shared_experts=1, moe_intermediate_size=12, num_key_value_heads=4)
YARN = dict(rope_type="yarn", type="yarn", factor=4, original_max_position_embeddings=16, beta_fast=32,
            beta_slow=1, mscale=1.0, mscale_all_dim=1.0)


def families():
    v3 = dict(BASE, **LATENT, q_lora_rank=20, n_routed_experts=8, num_experts_per_tok=3, n_group=4, topk_group=2,
              first_k_dense_replace=1, norm_topk_prob=True, routed_scaling_factor=2.5, num_nextn_predict_layers=0)
    yield "deepseek_v3", "DeepseekV3", dict(v3, rope_scaling=YARN, rope_theta=10000.0)
    yield "deepseek_v3_plain", "DeepseekV3", dict(v3, q_lora_rank=None, n_group=1, topk_group=1, rope_theta=50000.0,
                                                  tie_word_embeddings=True)
    # transformers' DeepseekV2 leaves YaRN's mscale^2 out of the softmax scale, so YaRN is off here.
    yield "deepseek_v2", "DeepseekV2", dict(BASE, **LATENT, q_lora_rank=None, n_routed_experts=8, num_experts_per_tok=2,
                                            topk_method="greedy", n_group=1, topk_group=1, first_k_dense_replace=1,
                                            norm_topk_prob=False, routed_scaling_factor=1.0, rope_theta=10000.0)
    yield "qwen2", "Qwen2", dict(BASE, num_key_value_heads=2, intermediate_size=48, rope_theta=10000.0,
                                 tie_word_embeddings=True)
    yield "llama", "Llama", dict(BASE, num_key_value_heads=2, intermediate_size=48, rope_theta=500000.0,
                                 tie_word_embeddings=False, head_dim=8,
                                 rope_scaling=dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0,
                                                   high_freq_factor=4.0, original_max_position_embeddings=16))


def main(root):
    for name, cls, options in families():
        torch.manual_seed(7)
        config = getattr(transformers, cls + "Config")(**options)
        config._attn_implementation = "eager"
        model = getattr(transformers, cls + "ForCausalLM")(config).float().eval()
        with torch.no_grad():
            for key, tensor in model.named_parameters():
                tensor.copy_(1 + 0.1 * torch.randn_like(tensor) if "norm" in key else 0.2 * torch.randn_like(tensor))
            for key, tensor in model.named_buffers():
                if "e_score_correction_bias" in key:
                    tensor.copy_(0.3 * torch.randn_like(tensor))
            tokens = torch.randint(0, BASE["vocab_size"], (1, TOKENS))
            logits = model(tokens).logits[0]
        folder = os.path.join(root, name)
        model.save_pretrained(folder)
        save_file({"tokens": tokens[0].to(torch.int64), "logits": logits.contiguous()},
                  os.path.join(folder, "golden.safetensors"))
        for extra in ("generation_config.json",):
            path = os.path.join(folder, extra)
            if os.path.exists(path):
                os.remove(path)
        with open(os.path.join(folder, "config.json")) as f:
            print(name, json.load(f)["model_type"], logits.abs().max().item(), "transformers", transformers.__version__)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "src/model/testdata")
