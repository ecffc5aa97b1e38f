"""Golden logits of a small random DeepSeek-V4.1 without Engram: tools/make_v41_golden.py FOLDER (default
src/model/testdata/deepseek_v41). Needs mlx[cpu] and mlx-lm 0.32.2, whose model rounds keys to FP8 and FP4 where the widths
are multiples of 16 and 32: these are not, so all is f32. Names and keys are those of DeepSeek's files."""
import json
import os
import sys

import mlx.core as mx
import numpy as np
from mlx_lm.models import deepseek_v41
from safetensors.numpy import save_file

from random_v4 import RandomTensors

TOKENS = 60
CONFIG = dict(
    model_type="deepseek_v41", vocab_size=61, hidden_size=32, num_hidden_layers=8, num_attention_heads=4, head_dim=24,
    q_lora_rank=20, qk_rope_head_dim=8, o_groups=2, o_lora_rank=6, moe_intermediate_size=12, n_routed_experts=6,
    n_shared_experts=1, num_experts_per_tok=2, routed_scaling_factor=1.5, swiglu_limit=10.0, rms_norm_eps=1e-20,
    sliding_window=9, compress_ratios=[0, 2, 2, 2, 1, 1, 1, 1], kv_source_layer_ids=[1, 3, 4],
    index_source_layer_ids=[1, 3, 4, 6], candidate_source_layer_id=4, candidate_topk_blocks=4, candidate_block_size=4,
    index_n_heads=32, index_head_dim=20, index_topk=6, rope_theta=10000.0, compress_rope_theta=40000.0,
    rope_scaling=dict(type="yarn", factor=4.0, original_max_position_embeddings=16, beta_fast=32, beta_slow=1),
    max_position_embeddings=128, hc_mult=4, hc_sinkhorn_iters=20, hc_eps=1e-6, scoring_func="sqrtsoftplus",
    norm_topk_prob=True, engram_layer_ids=[])


def weights(rng):
    c, made = CONFIG, RandomTensors(CONFIG, rng)
    add, gain = made.add, made.gain
    D, d, r = c["hidden_size"], c["head_dim"], c["q_lora_rank"]
    add("embed.weight", c["vocab_size"], D, scale=1)
    add("head.weight", c["vocab_size"], D)
    gain("norm.weight", D)
    for n, ratio in enumerate(c["compress_ratios"]):
        p = f"layers.{n}."
        made.attention(p)
        a = p + "attn."
        if n in c["kv_source_layer_ids"]:
            add(a + "compressor.wkv.weight", d, D)
            if ratio > 1:
                add(a + "compressor.wgate.weight", d, D)
            gain(a + "compressor.norm.weight", d)
            add(a + "indexer.wk.weight", c["index_head_dim"], d)
            gain(a + "indexer.k_norm.weight", c["index_head_dim"])
        if n in c["index_source_layer_ids"]:
            add(a + "indexer.wq_b.weight", c["index_n_heads"] * c["index_head_dim"], r)
            add(a + "indexer.weights_proj.weight", c["index_n_heads"], D)
        add(p + "ffn.gate.weight", c["n_routed_experts"], D)
        add(p + "ffn.gate.bias", c["n_routed_experts"])
        made.experts(p, c["n_routed_experts"])
    return made.made


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "src/model/testdata/deepseek_v41"
    os.makedirs(folder, exist_ok=True)
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 7)
    tensors = weights(rng)
    tokens = rng.integers(0, CONFIG["vocab_size"], TOKENS)
    model = deepseek_v41.Model(deepseek_v41.ModelArgs.from_dict(CONFIG))
    model.load_weights(list(model.sanitize({k: mx.array(v) for k, v in tensors.items()}).items()), strict=True)
    logits = np.array(model(mx.array(tokens)[None])[0].astype(mx.float32))
    print("largest logit", abs(logits).max())
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    save_file({"tokens": tokens.astype(np.int64), "logits": logits}, os.path.join(folder, "golden.safetensors"))
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(dict(CONFIG, architectures=["DeepseekV41ForCausalLM"]), f, indent=2, sort_keys=True)
        f.write("\n")


if __name__ == "__main__":
    main()
