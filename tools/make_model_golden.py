#!/usr/bin/env python3
"""Makes src/model/testdata/<family>/: small random models of `transformers` with their logits.

    pip install torch transformers==5.23.0 safetensors
    tools/make_model_golden.py [FOLDER [FAMILY...]]

The files are committed; the tests need no Python. Each folder holds config.json, model.safetensors (F32;
F8_E4M3 and BF16 in deepseek_v3_fp8) and golden.safetensors (tokens, logits).

The logits are those of the model that was saved, except for four folders (load_stated): theirs are what
transformers computes from the folder as it reads it.

Two families are not a class of transformers as it stands:
  deepseek      the first DeepSeekMoE has none: Llama's attention with the experts of DeepseekV2, which is what
                its own modeling_deepseek.py consists of;
  kimi_k2       DeepseekV3 under another model_type.
"""
import json
import os
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers.models.deepseek_v2.modeling_deepseek_v2 import DeepseekV2Moe

TOKENS = 40
BASE = dict(vocab_size=61, hidden_size=32, num_hidden_layers=3, max_position_embeddings=128,
            num_attention_heads=4, rms_norm_eps=1e-6, initializer_range=0.2)
LATENT = dict(kv_lora_rank=16, qk_nope_head_dim=8, qk_rope_head_dim=4, v_head_dim=6, intermediate_size=48,
              n_shared_experts=1, moe_intermediate_size=12, num_key_value_heads=4)
YARN = dict(rope_type="yarn", type="yarn", factor=4, original_max_position_embeddings=16, beta_fast=32,
            beta_slow=1, mscale=1.0, mscale_all_dim=1.0)
FP8_BLOCK = 128
FP8_MOST = 448.0  # of E4M3


def families():
    """Name, class, options."""
    v3 = dict(BASE, **LATENT, q_lora_rank=20, n_routed_experts=8, num_experts_per_tok=3, n_group=4, topk_group=2,
              first_k_dense_replace=1, norm_topk_prob=True, routed_scaling_factor=2.5, num_nextn_predict_layers=0)
    yield "deepseek_v3", "DeepseekV3", dict(v3, rope_scaling=YARN, rope_theta=10000.0)
    yield "deepseek_v3_plain", "DeepseekV3", dict(v3, q_lora_rank=None, n_group=1, topk_group=1, rope_theta=50000.0,
                                                  tie_word_embeddings=True)
    v2 = dict(BASE, **LATENT, q_lora_rank=None, n_routed_experts=8, num_experts_per_tok=2,
              topk_method="greedy", n_group=1, topk_group=1, first_k_dense_replace=1,
              norm_topk_prob=False, routed_scaling_factor=1.0, rope_theta=10000.0)
    yield "deepseek_v2", "DeepseekV2", v2
    qwen2 = dict(BASE, num_key_value_heads=2, intermediate_size=48, rope_theta=10000.0, tie_word_embeddings=True)
    yield "qwen2", "Qwen2", qwen2
    llama3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                  original_max_position_embeddings=16)
    yield "llama", "Llama", dict(BASE, num_key_value_heads=2, intermediate_size=48, rope_theta=500000.0,
                                 tie_word_embeddings=False, head_dim=8, rope_scaling=llama3)

    two = dict(num_hidden_layers=2)
    yield "deepseek", "Deepseek", dict(BASE, **two, num_key_value_heads=4, intermediate_size=48, n_routed_experts=8,
                                       n_shared_experts=2, num_experts_per_tok=3, moe_intermediate_size=12,
                                       first_k_dense_replace=1, moe_layer_freq=1, scoring_func="softmax",
                                       norm_topk_prob=False, rope_theta=10000.0, tie_word_embeddings=False)
    yield "deepseek_v2_groups", "DeepseekV2", dict(v2, **two, q_lora_rank=20, num_experts_per_tok=3, n_group=4,
                                                   topk_group=2, topk_method="group_limited_greedy",
                                                   routed_scaling_factor=4.0,
                                                   rope_scaling=dict(YARN, mscale=0.707, mscale_all_dim=0.707))
    yield "kimi_k2", "DeepseekV3", dict(v3, **two, n_group=1, topk_group=1, rope_theta=50000.0, rms_norm_eps=1e-5,
                                        rope_scaling=dict(YARN, beta_fast=1))
    yield "glm4_moe_lite", "Glm4MoeLite", dict(v3, **two, q_lora_rank=12, n_group=1, topk_group=1, rope_theta=1e6,
                                               rms_norm_eps=1e-5, routed_scaling_factor=1.8, mlp_layer_types=["dense", "sparse"])
    yield "youtu", "Youtu", dict({k: v for k, v in dict(BASE, **LATENT).items() if "expert" not in k and "moe" not in k},
                                 **two, q_lora_rank=12, rope_theta=1.6e6, tie_word_embeddings=True, bos_token_id=0, eos_token_id=1)
    # 8 heads, so that no sum of rectified scores is zero and ties with another.
    yield "deepseek_v32", "DeepseekV32", dict(v3, **two, rope_scaling=YARN, rope_theta=10000.0, index_n_heads=8,
                                              index_head_dim=8, index_topk=7)
    yield "qwen2_yarn", "Qwen2", dict(qwen2, **two, tie_word_embeddings=False, rms_norm_eps=1e-5,
                                      rope_scaling=dict(rope_type="yarn", factor=4.0,
                                                        original_max_position_embeddings=16))
    qwen3 = dict(BASE, **two, num_key_value_heads=2, head_dim=12, intermediate_size=48, rope_theta=1e6)
    yield "qwen3", "Qwen3", dict(qwen3, tie_word_embeddings=True)
    yield "qwen3_moe", "Qwen3Moe", dict(qwen3, num_hidden_layers=3, num_experts=8, num_experts_per_tok=3,
                                        moe_intermediate_size=12, norm_topk_prob=True, mlp_only_layers=[1],
                                        tie_word_embeddings=False)
    yield "llama_linear", "Llama", dict(BASE, **two, num_key_value_heads=4, intermediate_size=48,
                                        tie_word_embeddings=True, rope_theta=10000.0,
                                        rope_scaling=dict(rope_type="linear", factor=4.0))
    # One expert per token with norm_topk_prob: its weight is 1, whatever its score.
    yield "qwen3_moe_one", "Qwen3Moe", dict(qwen3, num_experts=6, num_experts_per_tok=1, moe_intermediate_size=12,
                                            norm_topk_prob=True, tie_word_embeddings=False)
    # Folders that state something else than they hold: load_stated() says what.
    yield "qwen2_own_head", "Qwen2", dict(qwen2, **two, vocab_size=41, tie_word_embeddings=False)
    small = dict(v3, **two, n_group=1, topk_group=1, n_routed_experts=4, num_experts_per_tok=2, rope_theta=10000.0)
    yield "deepseek_v3_no_mtp", "DeepseekV3", dict(small, num_nextn_predict_layers=1)
    yield "deepseek_v3_fused", "DeepseekV3", small
    yield "qwen2_full_windows", "Qwen2", dict(qwen2, **two, vocab_size=41, tie_word_embeddings=True,
                                              use_sliding_window=True, sliding_window=8, max_window_layers=2)
    # Windows, both kinds of entries, experts by token; 8 index heads as above. The limit of SwiGLU cuts some numbers.
    v4 = dict(vocab_size=61, hidden_size=32, num_hidden_layers=5, max_position_embeddings=128, num_attention_heads=4,
              num_key_value_heads=1, head_dim=16, partial_rotary_factor=0.5, q_lora_rank=20, o_groups=2, o_lora_rank=6,
              sliding_window=9, index_n_heads=8, index_head_dim=12, index_topk=4, hc_mult=4, hc_sinkhorn_iters=20,
              n_routed_experts=8, n_shared_experts=1, num_experts_per_tok=3, moe_intermediate_size=12,
              routed_scaling_factor=1.5, swiglu_limit=1.0, rms_norm_eps=1e-6, initializer_range=0.2,
              num_nextn_predict_layers=0, rope_theta=10000.0, compress_rope_theta=40000.0,
              rope_parameters=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16, beta_fast=32,
                                   beta_slow=1))
    sliding, sparse, heavy = "sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention"
    yield "deepseek_v4", "DeepseekV4", dict(v4, layer_types=[sliding, sparse, heavy, sparse, heavy],
                                            compress_rates={sparse: 4, heavy: 16},
                                            mlp_layer_types=["hash_moe"] * 2 + ["moe"] * 3)
    yield "deepseek_v4_plain", "DeepseekV4", dict(v4, num_hidden_layers=3, hc_mult=2, swiglu_limit=10.0,
                                                  layer_types=[sliding, sparse, sliding], rope_parameters=None,
                                                  mlp_layer_types=["moe"] * 3)
    # FP8 with scales that are powers of two, and DeepSeek's own config.json.
    yield "deepseek_v4_fp8", "DeepseekV4", dict(
        v4, vocab_size=47, hidden_size=136, num_hidden_layers=2, num_attention_heads=2, q_lora_rank=24, o_lora_rank=20,
        n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=20, layer_types=[sparse, sliding],
        mlp_layer_types=["hash_moe", "moe"])
    # Sister families. Positions reach beyond the original ones, so that Mistral 4's queries are scaled.
    mistral4 = dict(BASE, **LATENT, **two, q_lora_rank=20, n_routed_experts=8, num_experts_per_tok=3,
                    first_k_dense_replace=0, rope_parameters=dict(
                        YARN, rope_theta=10000.0, llama_4_scaling_beta=0.1))
    yield "mistral4", "Mistral4", mistral4
    minicpm3 = {k: v for k, v in dict(BASE, **LATENT).items() if "expert" not in k and "moe" not in k}
    yield "minicpm3", "MiniCPM3", dict(minicpm3, **two, q_lora_rank=20, dim_model_base=24, scale_emb=3)
    factors = dict(rope_type="longrope", short_factor=[1.0, 1.5], long_factor=[1.0, 1.5], rope_theta=10000.0,
                   original_max_position_embeddings=32)
    yield "minicpm3_longrope", "MiniCPM3", dict(minicpm3, **two, v_head_dim=8, q_lora_rank=20, rope_parameters=factors)
    yield "glm_moe_dsa", "GlmMoeDsa", dict(v3, n_group=1, topk_group=1, num_hidden_layers=4, rms_norm_eps=1e-5,
                                           rope_theta=1e6, index_n_heads=8, index_head_dim=8, index_topk=7,
                                           index_topk_freq=2)
    # Text inside of models that see images.
    text = dict(v3, **two, n_group=1, topk_group=1, n_routed_experts=4, num_experts_per_tok=2, rope_theta=50000.0,
                rope_scaling=dict(YARN, beta_fast=1), model_type="kimi_k2")
    seen = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, pos_emb_height=4,
                pos_emb_width=4, pos_emb_time=2)
    yield "kimi_k25", "Kimi_K25", dict(text_config=text, vision_config=seen, projection_hidden_size=16,
                                       tie_word_embeddings=False)
    ocr = dict(BASE, **two, intermediate_size=48, n_shared_experts=1, moe_intermediate_size=12, n_routed_experts=8,
               num_experts_per_tok=3, topk_method="greedy", mlp_layer_types=["dense", "sparse"])
    sam = dict(hidden_size=8, output_channels=4, num_hidden_layers=1, num_attention_heads=2, image_size=64,
               patch_size=16, window_size=2, global_attn_indexes=[0], downsample_channels=[4, 8])
    encoder = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
                   num_key_value_heads=2, vocab_size=8)
    yield "deepseek_ocr2", "DeepseekOcr2", dict(text_config=ocr, vision_config=dict(sam_config=sam,
                                                                                    encoder_config=encoder))
    # Blocks of 128 by 128 that end early in both directions.
    yield "deepseek_v3_fp8", "DeepseekV3", dict(BASE, **LATENT, **two, rope_theta=10000.0) | dict(
        hidden_size=160, intermediate_size=136, vocab_size=47, num_attention_heads=2, num_key_value_heads=2,
        q_lora_rank=24, kv_lora_rank=20, n_routed_experts=4, num_experts_per_tok=2, n_group=2, topk_group=1,
        moe_intermediate_size=20, first_k_dense_replace=1, norm_topk_prob=True, routed_scaling_factor=2.5,
        num_nextn_predict_layers=0)


def randomize(model):
    with torch.no_grad():
        for key, tensor in model.named_parameters():
            is_gain = "norm" in key and not key.endswith("bias")
            tensor.copy_(1 + 0.1 * torch.randn_like(tensor) if is_gain else 0.2 * torch.randn_like(tensor))
        for key, tensor in model.named_buffers():
            if "e_score_correction_bias" in key:
                tensor.copy_(0.3 * torch.randn_like(tensor))
            if "tid2eid" in key:
                for row in tensor:
                    row.copy_(torch.randperm(model.config.n_routed_experts)[:len(row)])


def build(cls, options):
    if cls == "Deepseek":
        return build_first_moe(options)
    config = getattr(transformers, cls + "Config")(**options)
    config._attn_implementation = "eager"
    kind = "ForConditionalGeneration" if "text_config" in options else "ForCausalLM"
    return getattr(transformers, cls + kind)(config).float().eval()


def build_first_moe(options):
    keys = ("vocab_size", "hidden_size", "num_hidden_layers", "max_position_embeddings", "num_attention_heads",
            "num_key_value_heads", "rms_norm_eps", "intermediate_size", "rope_theta", "tie_word_embeddings")
    config = transformers.LlamaConfig(**{key: options[key] for key in keys})
    config._attn_implementation = "eager"
    model = transformers.LlamaForCausalLM(config)
    experts = transformers.DeepseekV2Config(topk_method="greedy", routed_scaling_factor=1.0, **{
        key: options[key] for key in ("hidden_size", "n_routed_experts", "n_shared_experts", "num_experts_per_tok",
                                      "moe_intermediate_size", "norm_topk_prob")})
    experts._experts_implementation = "eager"
    for layer in model.model.layers[options["first_k_dense_replace"]:]:
        layer.mlp = DeepseekV2Moe(experts)
    return model.float().eval()


def save_first_moe(model, options, folder):
    tensors = {}
    for key, tensor in model.state_dict().items():
        stem, _, kind = key.rpartition(".")
        if kind == "gate_up_proj":
            for e, both in enumerate(tensor):
                gate, up = both.chunk(2)
                tensors[f"{stem}.{e}.gate_proj.weight"] = gate.clone()
                tensors[f"{stem}.{e}.up_proj.weight"] = up.clone()
        elif kind == "down_proj":
            for e, down in enumerate(tensor):
                tensors[f"{stem}.{e}.down_proj.weight"] = down.clone()
        else:
            tensors[key] = tensor.clone()
    os.makedirs(folder, exist_ok=True)
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    config = dict(architectures=["DeepseekForCausalLM"], model_type="deepseek", hidden_act="silu", aux_loss_alpha=0.001,
                  attention_bias=False, rope_scaling=None, torch_dtype="float32", **options)
    write_json(os.path.join(folder, "config.json"), config)


def drop_image_part(folder):
    """Keeps one tensor of the image's part: the queries alone are larger than the text."""
    path = os.path.join(folder, "model.safetensors")
    kept = {name: tensor for name, tensor in load_file(path).items()
            if name.startswith(("lm_head.", "model.layers.", "model.embed_tokens.", "model.norm.", "model.view_sep"))}
    save_file(kept, path, metadata={"format": "pt"})


def write_json(path, value):
    with open(path, "w") as f:
        json.dump(value, f, indent=2, sort_keys=True)
        f.write("\n")


def change_config(folder, **changes):
    path = os.path.join(folder, "config.json")
    with open(path) as f:
        config = json.load(f)
    write_json(path, config | changes)


def gradients(model, tokens):
    """Of the mean cross entropy of the next token: two numbers of each tensor, its norm and a weighted sum."""
    model.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(tokens).logits[0, :-1], tokens[0, 1:])
    loss.backward()
    found = {"loss": loss.detach().reshape(1)}
    for name, parameter in model.named_parameters():
        if parameter.grad is None:
            continue
        grad = parameter.grad
        if name.endswith("experts.gate_up_proj"):
            gate, up = grad.chunk(2, dim=1)
            stem = name[:-len("gate_up_proj")]
            parts = {stem + "{}.gate_proj.weight": gate, stem + "{}.up_proj.weight": up}
        elif name.endswith("experts.down_proj"):
            parts = {name[:-len("down_proj")] + "{}.down_proj.weight": grad}
        else:
            parts = {name: grad}
        for key, part in parts.items():
            flat = part.reshape(-1).double()
            weights = torch.sin(torch.arange(len(flat), dtype=torch.float64) * 0.7 + 0.3)
            found["gradient." + key] = torch.tensor([flat.norm().item(), (flat * weights).sum().item()])
    return found


def run(model, vocabulary):
    tokens = torch.randint(0, vocabulary, (1, TOKENS))
    with torch.no_grad():
        return tokens, model(tokens).logits[0]


class NarrowestChoice:
    """The smallest distance between the last chosen and the first left-out score of an indexer."""

    def __init__(self, keep):
        self.keep, self.margin, self.original = keep, float("inf"), torch.Tensor.topk

    def __enter__(self):
        def topk(scores, k, *args, **kwargs):
            if k == self.keep:
                ranked = self.original(scores, k + 1, *args).values
                gap = (ranked[..., k - 1] - ranked[..., k])[..., self.keep:].nan_to_num(float("inf"))
                self.margin = min(self.margin, (gap / scores[scores > -1e30].abs().max()).min().item())
            return self.original(scores, k, *args, **kwargs)
        torch.Tensor.topk = topk
        return self

    def __exit__(self, *_):
        torch.Tensor.topk = self.original


def fp8(weight):
    """DeepSeek-V3's weights: E4M3 with one scale for every block of 128 by 128 (README_WEIGHTS.md)."""
    rows, cols = (-(-n // FP8_BLOCK) for n in weight.shape)
    scales = torch.empty(rows, cols)
    stored = torch.empty(weight.shape, dtype=torch.float8_e4m3fn)
    widened = torch.empty_like(weight)
    for r in range(rows):
        for c in range(cols):
            at = (slice(r * FP8_BLOCK, (r + 1) * FP8_BLOCK), slice(c * FP8_BLOCK, (c + 1) * FP8_BLOCK))
            scales[r, c] = weight[at].abs().max() / FP8_MOST
            stored[at] = (weight[at] / scales[r, c]).to(torch.float8_e4m3fn)
            widened[at] = stored[at].float() * scales[r, c]
    return stored, scales, widened


def save_fp8(model, vocabulary, folder):
    """Projections in FP8, the rest in BF16, as DeepSeek-V3's files; logits of the widened numbers."""
    with tempfile.TemporaryDirectory() as plain:
        model.save_pretrained(plain)
        weights, stored = load_file(os.path.join(plain, "model.safetensors")), {}
        for name, tensor in list(weights.items()):
            if name.endswith("_proj.weight") or name.endswith("_with_mqa.weight"):
                stored[name], stored[name + "_scale_inv"], weights[name] = fp8(tensor)
            elif name.endswith("e_score_correction_bias"):
                stored[name] = tensor
            else:
                stored[name] = tensor.bfloat16()
                weights[name] = stored[name].float()
        save_file(weights, os.path.join(plain, "model.safetensors"), metadata={"format": "pt"})
        widened = type(model).from_pretrained(plain, attn_implementation="eager", dtype=torch.float32).eval()
        result = run(widened, vocabulary)
        model.config.save_pretrained(folder)
        save_file(stored, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
        change_config(folder, architectures=[type(model).__name__], dtype="bfloat16",
                      quantization_config=dict(activation_scheme="dynamic", fmt="e4m3", quant_method="fp8",
                                               weight_block_size=[FP8_BLOCK, FP8_BLOCK]))
        return result


def save_v4_fp8(model, vocabulary, folder):
    """DeepSeek-V4's own spelling: names, keys of config.json, FP8 with a byte for the power of two of each scale."""
    with tempfile.TemporaryDirectory() as plain:
        model.save_pretrained(plain)
        weights, stored = load_file(os.path.join(plain, "model.safetensors")), {}
        for name, tensor in list(weights.items()):
            is_projection = any(name.endswith(f".{kind}.weight") for kind in
                                ("wq_a", "wq_b", "wkv", "wo_a", "wo_b", "w1", "w2", "w3")) and "compressor" not in name
            if is_projection:
                rows, cols = (-(-n // FP8_BLOCK) for n in tensor.shape)
                scales, bytes_ = torch.empty(rows, cols), torch.empty(tensor.shape, dtype=torch.float8_e4m3fn)
                widened = torch.empty_like(tensor)
                for r in range(rows):
                    for c in range(cols):
                        at = (slice(r * FP8_BLOCK, (r + 1) * FP8_BLOCK), slice(c * FP8_BLOCK, (c + 1) * FP8_BLOCK))
                        scales[r, c] = 2.0 ** torch.ceil(torch.log2(tensor[at].abs().max() / FP8_MOST))
                        bytes_[at] = (tensor[at] / scales[r, c]).to(torch.float8_e4m3fn)
                        widened[at] = bytes_[at].float() * scales[r, c]
                stored[name] = bytes_
                stored[name[:-len("weight")] + "scale"] = scales.to(torch.float8_e8m0fnu)
                weights[name] = widened
            elif tensor.dtype == torch.int64:
                stored[name] = tensor.to(torch.int32)
            elif "hc_" in name or "sink" in name or name.endswith(".bias") or name.endswith(".ape"):
                stored[name] = tensor
            else:
                stored[name] = tensor.bfloat16()
                weights[name] = stored[name].float()
        save_file(weights, os.path.join(plain, "model.safetensors"), metadata={"format": "pt"})
        widened = type(model).from_pretrained(plain, attn_implementation="eager", dtype=torch.float32).eval()
        tokens, logits = run(widened, vocabulary)
        save_file(stored, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
        keys = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
                "head_dim", "q_lora_rank", "o_groups", "o_lora_rank", "sliding_window", "index_n_heads",
                "index_head_dim", "index_topk", "hc_mult", "hc_sinkhorn_iters", "hc_eps", "n_routed_experts",
                "n_shared_experts", "num_experts_per_tok", "moe_intermediate_size", "routed_scaling_factor",
                "swiglu_limit", "rms_norm_eps", "max_position_embeddings", "rope_theta", "compress_rope_theta")
        config = {key: getattr(model.config, key) for key in keys}
        write_json(os.path.join(folder, "config.json"), dict(
            config, architectures=["DeepseekV4ForCausalLM"], model_type="deepseek_v4", torch_dtype="bfloat16",
            compress_ratios=[4, 0, 0], num_hash_layers=1, num_nextn_predict_layers=1, qk_rope_head_dim=8,
            scoring_func="sqrtsoftplus", topk_method="noaux_tc", norm_topk_prob=True, bos_token_id=0, eos_token_id=1,
            tie_word_embeddings=False, attention_bias=False, hidden_act="silu", expert_dtype="fp8",
            rope_scaling=dict(type="yarn", factor=4, original_max_position_embeddings=16, beta_fast=32, beta_slow=1),
            quantization_config=dict(activation_scheme="dynamic", fmt="e4m3", quant_method="fp8", scale_fmt="ue8m0",
                                     weight_block_size=[FP8_BLOCK, FP8_BLOCK])))
        return tokens, logits


def load_stated(model, name, vocabulary, folder):
    """Saves the folder, changes what it says about itself, and computes logits as transformers reads it."""
    model.save_pretrained(folder, **(dict(save_original_format=False) if name == "deepseek_v3_fused" else {}))
    if name == "qwen2_own_head":
        change_config(folder, tie_word_embeddings=True)
    loaded = type(model).from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    return run(loaded, vocabulary)


def make(name, cls, options, folder):
    vocabulary = options.get("text_config", options)["vocab_size"]
    seed = 7
    torch.manual_seed(seed)
    os.makedirs(folder, exist_ok=True)
    model = build(cls, options)
    randomize(model)
    extra_values = {}
    if name in ("deepseek_v32", "deepseek_v4", "deepseek_v4_plain", "glm_moe_dsa"):
        # A choice that hangs on rounding would be no test of the choice.
        while True:
            with NarrowestChoice(options["index_topk"]) as choice:
                tokens, logits = run(model, vocabulary)
            if choice.margin > 3e-4:
                break
            seed += 1
            torch.manual_seed(seed)
            randomize(model)
        print("  seed", seed, "narrowest choice", choice.margin)
        if name == "deepseek_v4":
            extra_values = gradients(model, tokens)
        model.save_pretrained(folder)
    elif name == "deepseek_v4_fp8":
        tokens, logits = save_v4_fp8(model, vocabulary, folder)
    elif name == "deepseek_v3_fp8":
        tokens, logits = save_fp8(model, vocabulary, folder)
    elif name in ("qwen2_own_head", "deepseek_v3_no_mtp", "deepseek_v3_fused", "qwen2_full_windows"):
        tokens, logits = load_stated(model, name, vocabulary, folder)
    elif name == "deepseek":
        tokens, logits = run(model, vocabulary)
        save_first_moe(model, options, folder)
    else:
        tokens, logits = run(model, vocabulary)
        model.save_pretrained(folder)
    if name == "kimi_k2":
        change_config(folder, model_type="kimi_k2")
    if name == "deepseek_ocr2":
        drop_image_part(folder)
    save_file({"tokens": tokens[0].to(torch.int64), "logits": logits.contiguous(), **extra_values},
              os.path.join(folder, "golden.safetensors"))
    extra = os.path.join(folder, "generation_config.json")
    if os.path.exists(extra):
        os.remove(extra)
    size = sum(os.path.getsize(os.path.join(folder, file)) for file in os.listdir(folder))
    print(f"{name}: largest logit {logits.abs().max().item():.4f}, {size} bytes, transformers "
          f"{transformers.__version__}")


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "src/model/testdata"
    wanted = sys.argv[2:]
    for name, cls, options in families():
        if not wanted or name in wanted:
            make(name, cls, options, os.path.join(root, name))


if __name__ == "__main__":
    main()
