#!/usr/bin/env python3
"""Makes src/model/testdata/deepseek_v4_mtp/: a small random DeepSeek-V4 with its module of multi-token prediction.

    pip install torch transformers==5.24.0 safetensors numpy
    tools/make_v4_mtp_golden.py [FOLDER [SEED]]

transformers loads no such module, so both logits are computed here, in numpy and float64; those of the model itself
must agree with transformers', which the script checks. golden.safetensors: tokens, logits [tokens, vocabulary], and
further [tokens - 1, vocabulary]: row t is made of the streams at token t and of token t + 1. Names and keys are those
of DeepSeek's files.
"""
import json
import os
import sys

import numpy as np
import torch
import transformers
from safetensors.numpy import load_file, save_file

from random_v4 import RandomTensors

TOKENS = 140
CONFIG = dict(
    architectures=["DeepseekV4ForCausalLM"], model_type="deepseek_v4", vocab_size=47, hidden_size=32,
    num_hidden_layers=3, num_attention_heads=2, num_key_value_heads=1, head_dim=16, qk_rope_head_dim=8, q_lora_rank=12,
    o_groups=2, o_lora_rank=6, sliding_window=9, compress_ratios=[0, 4, 128, 0], index_n_heads=8, index_head_dim=12,
    index_topk=4, num_hash_layers=1, n_routed_experts=4, n_shared_experts=1, num_experts_per_tok=2,
    moe_intermediate_size=12, scoring_func="sqrtsoftplus", topk_method="noaux_tc", norm_topk_prob=True,
    routed_scaling_factor=1.5, swiglu_limit=1.0, hc_mult=4, hc_sinkhorn_iters=20, hc_eps=1e-6, rms_norm_eps=1e-6,
    max_position_embeddings=256, rope_theta=10000.0, compress_rope_theta=40000.0, num_nextn_predict_layers=1,
    rope_scaling=dict(type="yarn", factor=4.0, original_max_position_embeddings=16, beta_fast=32, beta_slow=1),
    bos_token_id=0, eos_token_id=1, pad_token_id=2, tie_word_embeddings=False, attention_bias=False, hidden_act="silu",
    initializer_range=0.2, torch_dtype="float32")
C = CONFIG
EPS = C["rms_norm_eps"]


def weights(rng):
    made = RandomTensors(C, rng)
    add, gain = made.add, made.gain
    D, d, r, streams = C["hidden_size"], C["head_dim"], C["q_lora_rank"], C["hc_mult"]

    def end(prefix):
        add(prefix + "hc_head_fn", streams, streams * D)
        add(prefix + "hc_head_base", streams)
        add(prefix + "hc_head_scale", 1, scale=0.5)
        gain(prefix + "norm.weight", D)

    def layer(p, ratio, hashed):
        made.attention(p)
        a = p + "attn."
        for name, width in (("compressor.", d), ("indexer.compressor.", C["index_head_dim"])):
            if ratio == 0 or (ratio != 4 and name != "compressor."):
                continue
            wide = (2 if ratio == 4 else 1) * width
            add(a + name + "ape", ratio, wide)
            add(a + name + "wkv.weight", wide, D)
            add(a + name + "wgate.weight", wide, D)
            gain(a + name + "norm.weight", width)
        if ratio == 4:
            add(a + "indexer.wq_b.weight", C["index_n_heads"] * C["index_head_dim"], r)
            add(a + "indexer.weights_proj.weight", C["index_n_heads"], D)
        add(p + "ffn.gate.weight", C["n_routed_experts"], D)
        if hashed:
            made.made[p + "ffn.gate.tid2eid"] = np.stack(
                [rng.permutation(C["n_routed_experts"])[:C["num_experts_per_tok"]]
                 for _ in range(C["vocab_size"])]).astype(np.int64)
        else:
            add(p + "ffn.gate.bias", C["n_routed_experts"])
        made.experts(p, C["n_routed_experts"])

    add("embed.weight", C["vocab_size"], D, scale=1)
    add("head.weight", C["vocab_size"], D)
    end("")
    for n in range(C["num_hidden_layers"]):
        layer(f"layers.{n}.", C["compress_ratios"][n], n < C["num_hash_layers"])
    layer("mtp.0.", 0, False)
    end("mtp.0.")
    for norm in ("enorm", "hnorm"):
        gain(f"mtp.0.{norm}.weight", D)
    for project in ("e_proj", "h_proj"):
        add(f"mtp.0.{project}.weight", D, D)
    return made.made


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def unit(x):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + EPS)


def frequencies(ratio):
    dim, s = C["qk_rope_head_dim"], C["rope_scaling"]
    theta = C["compress_rope_theta"] if ratio else C["rope_theta"]
    f = theta ** (-np.arange(0, dim, 2) / dim)
    if not ratio:
        return f

    def pair(turns):
        return dim * np.log(s["original_max_position_embeddings"] / (turns * 2 * np.pi)) / (2 * np.log(theta))

    low, high = max(np.floor(pair(s["beta_fast"])), 0), min(np.ceil(pair(s["beta_slow"])), dim - 1)
    ramp = np.clip((np.arange(dim // 2) - low) / (high - low if high > low else 1e-3), 0, 1)
    return f / s["factor"] * ramp + f * (1 - ramp)


def turn(x, positions, f, direction=1):
    """Pairs (2i, 2i + 1) of the last columns; x [positions, ..., width]."""
    y, n = x.copy(), 2 * len(f)
    a = (direction * np.outer(positions, f)).reshape(len(positions), *([1] * (x.ndim - 2)), len(f))
    even, odd = x[..., -n::2], x[..., x.shape[-1] - n + 1::2]
    y[..., -n::2], y[..., x.shape[-1] - n + 1::2] = even * np.cos(a) - odd * np.sin(a), even * np.sin(a) + odd * np.cos(a)
    return y


class Model:
    def __init__(self, tensors):
        self.w = {name: t.astype(np.float64) if t.dtype == np.float32 else t for name, t in tensors.items()}

    def mix(self, p, x):
        n, m = C["hc_mult"], unit(x.reshape(len(x), -1)) @ self.w[p + "_fn"].T
        base, scale = self.w[p + "_base"], self.w[p + "_scale"]
        pre = sigmoid(m[:, :n] * scale[0] + base[:n]) + C["hc_eps"]
        post = 2 * sigmoid(m[:, n:2 * n] * scale[1] + base[n:2 * n])
        comb = softmax((m[:, 2 * n:] * scale[2] + base[2 * n:]).reshape(-1, n, n)) + C["hc_eps"]
        comb = comb / (comb.sum(1, keepdims=True) + C["hc_eps"])
        for _ in range(C["hc_sinkhorn_iters"] - 1):
            comb = comb / (comb.sum(2, keepdims=True) + C["hc_eps"])
            comb = comb / (comb.sum(1, keepdims=True) + C["hc_eps"])
        return pre, post, comb

    def part(self, p, site, x, f):
        pre, post, comb = self.mix(f"{p}hc_{site}", x)
        y = f(unit((pre[..., None] * x).sum(1)) * self.w[f"{p}{site}_norm.weight"])
        return post[..., None] * y[:, None] + np.einsum("tjk,tjd->tkd", comb, x)

    def entries(self, p, x, ratio, width, f):
        n = len(x) // ratio
        kv = (x @ self.w[p + "wkv.weight"].T)[:n * ratio].reshape(n, ratio, -1)
        s = (x @ self.w[p + "wgate.weight"].T)[:n * ratio].reshape(n, ratio, -1) + self.w[p + "ape"]
        if ratio == 4:
            before = np.concatenate([np.zeros((1, ratio, width)), kv[:-1, :, :width]])
            gates = np.concatenate([np.full((1, ratio, width), -np.inf), s[:-1, :, :width]])
            kv, s = np.concatenate([before, kv[:, :, width:]], 1), np.concatenate([gates, s[:, :, width:]], 1)
        return turn(unit((kv * softmax(s, 1)).sum(1)) * self.w[p + "norm.weight"], np.arange(n) * ratio, f)

    def attention(self, p, x, ratio):
        p += "attn."
        t, d, heads, f = np.arange(len(x)), C["head_dim"], C["num_attention_heads"], frequencies(ratio)
        latent = unit(x @ self.w[p + "wq_a.weight"].T) * self.w[p + "q_norm.weight"]
        q = turn(unit((latent @ self.w[p + "wq_b.weight"].T).reshape(len(x), heads, d)), t, f)
        rows = turn(unit(x @ self.w[p + "wkv.weight"].T) * self.w[p + "kv_norm.weight"], t, f)
        made = self.entries(p + "compressor.", x, ratio, d, f) if ratio else np.zeros((0, d))
        seen = (t + 1) // ratio if ratio else np.zeros(len(x), int)
        if ratio == 4:
            keys = self.entries(p + "indexer.compressor.", x, 4, C["index_head_dim"], f)
            iq = turn((latent @ self.w[p + "indexer.wq_b.weight"].T).reshape(len(x), C["index_n_heads"], -1), t, f)
            scores = np.einsum("thn,th->tn", np.maximum(np.einsum("thd,nd->thn", iq, keys), 0),
                               x @ self.w[p + "indexer.weights_proj.weight"].T)
        out = np.zeros_like(q)
        for i in t:
            chosen = np.arange(seen[i])
            if ratio == 4 and seen[i] > C["index_topk"]:
                chosen = np.argsort(-scores[i, :seen[i]], kind="stable")[:C["index_topk"]]
            keys_seen = np.concatenate([rows[max(0, i - C["sliding_window"] + 1):i + 1], made[chosen]])
            s = np.concatenate([q[i] @ keys_seen.T * d ** -0.5, self.w[p + "attn_sink"][:, None]], 1)
            out[i] = softmax(s)[:, :-1] @ keys_seen
        out = turn(out, t, f, -1).reshape(len(x), C["o_groups"], -1)
        groups = self.w[p + "wo_a.weight"].reshape(C["o_groups"], C["o_lora_rank"], -1)
        return np.einsum("tgi,gri->tgr", out, groups).reshape(len(x), -1) @ self.w[p + "wo_b.weight"].T

    def expert(self, p, x):
        limit = C["swiglu_limit"]
        gate, up = np.minimum(x @ self.w[p + "w1.weight"].T, limit), np.clip(x @ self.w[p + "w3.weight"].T, -limit, limit)
        return (gate * sigmoid(gate) * up) @ self.w[p + "w2.weight"].T

    def experts(self, p, x, tokens):
        p += "ffn."
        s = np.sqrt(np.log1p(np.exp(x @ self.w[p + "gate.weight"].T)))
        if p + "gate.tid2eid" in self.w:
            chosen = self.w[p + "gate.tid2eid"][tokens]
        else:
            chosen = np.argsort(-(s + self.w[p + "gate.bias"]), -1, kind="stable")[:, :C["num_experts_per_tok"]]
        g = np.take_along_axis(s, chosen, 1)
        g = g / g.sum(-1, keepdims=True) * C["routed_scaling_factor"]
        y = self.expert(p + "shared_experts.", x)
        for t in range(len(x)):
            for e, weight in zip(chosen[t], g[t]):
                y[t] += weight * self.expert(p + f"experts.{e}.", x[t:t + 1])[0]
        return y

    def block(self, p, x, tokens, ratio):
        x = self.part(p, "attn", x, lambda y: self.attention(p, y, ratio))
        return self.part(p, "ffn", x, lambda y: self.experts(p, y, tokens))

    def head(self, p, x):
        m = unit(x.reshape(len(x), -1)) @ self.w[p + "hc_head_fn"].T
        pre = sigmoid(m * self.w[p + "hc_head_scale"] + self.w[p + "hc_head_base"]) + C["hc_eps"]
        return unit((pre[..., None] * x).sum(1)) * self.w[p + "norm.weight"] @ self.w["head.weight"].T

    def forward(self, tokens):
        x = np.repeat(self.w["embed.weight"][tokens][:, None], C["hc_mult"], 1)
        for n, ratio in enumerate(C["compress_ratios"][:C["num_hidden_layers"]]):
            x = self.block(f"layers.{n}.", x, tokens, ratio)
        return self.head("", x), x

    def further(self, streams, following):
        p = "mtp.0."
        e = unit(self.w["embed.weight"][following]) * self.w[p + "enorm.weight"] @ self.w[p + "e_proj.weight"].T
        x = e[:, None] + unit(streams) * self.w[p + "hnorm.weight"] @ self.w[p + "h_proj.weight"].T
        return self.head(p, self.block(p, x, following, 0))


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "src/model/testdata/deepseek_v4_mtp"
    os.makedirs(folder, exist_ok=True)
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 5)
    tensors = weights(rng)
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        file.write(json.dumps(CONFIG, indent=2) + "\n")
    tokens = rng.integers(0, C["vocab_size"], TOKENS)
    model = Model(load_file(os.path.join(folder, "model.safetensors")))
    logits, streams = model.forward(tokens)
    further = model.further(streams[:-1], tokens[1:])
    peer = transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").float().eval()
    with torch.no_grad():
        theirs = peer(torch.tensor(tokens)[None]).logits[0].double().numpy()
    apart = abs(theirs - logits).max() / abs(logits).max()
    print(f"transformers: {apart:.1e} apart")
    if apart > 2e-5:
        sys.exit("numpy and transformers do not agree")
    save_file({"tokens": tokens.astype(np.int64), "logits": logits.astype(np.float32),
               "further": further.astype(np.float32)}, os.path.join(folder, "golden.safetensors"))


if __name__ == "__main__":
    main()
