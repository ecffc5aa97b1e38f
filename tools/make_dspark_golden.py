#!/usr/bin/env python3
"""Makes src/model/testdata/deepseek_v4_dspark/ and deepseek_v41_dspark/: small random models with DSpark's stages.

    pip install safetensors numpy
    tools/make_dspark_golden.py [FOLDER [SEED]]

No program on PyPI runs the stages on a CPU, so these are the formulas in numpy and float64, written apart from the
product: they find slips, not a misunderstanding of both. golden.safetensors of each: states [tokens, targets * hidden],
what the stages read of made-up tokens; block [size] at the positions after them; hidden [size, hidden], logits
[size, vocabulary] with the bias of `before`, and confidence [size].
"""
import json
import os
import sys

import numpy as np
from safetensors.numpy import save_file

from random_v4 import RandomTensors

TOKENS = 14
SHARED = dict(
    vocab_size=47, hidden_size=32, num_attention_heads=2, num_key_value_heads=1, head_dim=16, qk_rope_head_dim=8,
    q_lora_rank=12, o_groups=2, o_lora_rank=6, sliding_window=9, index_n_heads=2, index_head_dim=12, index_topk=4,
    n_routed_experts=4, n_shared_experts=1, num_experts_per_tok=2, moe_intermediate_size=12,
    scoring_func="sqrtsoftplus", topk_method="noaux_tc", norm_topk_prob=True, routed_scaling_factor=1.5,
    swiglu_limit=1.0, hc_mult=4, hc_sinkhorn_iters=20, hc_eps=1e-6, rms_norm_eps=1e-6, max_position_embeddings=256,
    rope_theta=10000.0, compress_rope_theta=40000.0, bos_token_id=0, eos_token_id=1, dspark_block_size=5,
    dspark_noise_token_id=40, dspark_markov_rank=6)
V4 = dict(SHARED, architectures=["DeepseekV4ForCausalLM"], model_type="deepseek_v4", num_hidden_layers=1,
          compress_ratios=[0, 0, 0], num_hash_layers=0, num_nextn_predict_layers=2, dspark_target_layer_ids=[0])
V41 = dict(SHARED, architectures=["DeepseekV41ForCausalLM"], model_type="deepseek_v41", num_hidden_layers=2,
           compress_ratios=[0, 1, 0, 0, 0], kv_source_layer_ids=[1], index_source_layer_ids=[1],
           num_nextn_predict_layers=3, dspark_target_layer_ids=[0, 1], dspark_n_routed_experts=3,
           dspark_num_experts_per_tok=1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


class Maker(RandomTensors):
    def layer(self, p, experts, is_source):
        c, D, d, r = self.c, self.c["hidden_size"], self.c["head_dim"], self.c["q_lora_rank"]
        self.attention(p)
        a = p + "attn."
        if is_source:
            self.add(a + "compressor.wkv.weight", d, D)
            self.gain(a + "compressor.norm.weight", d)
            self.add(a + "indexer.wk.weight", c["index_head_dim"], d)
            self.gain(a + "indexer.k_norm.weight", c["index_head_dim"])
            self.add(a + "indexer.wq_b.weight", c["index_n_heads"] * c["index_head_dim"], r)
            self.add(a + "indexer.weights_proj.weight", c["index_n_heads"], D)
        self.add(p + "ffn.gate.weight", experts, D)
        self.add(p + "ffn.gate.bias", experts)
        self.experts(p, experts)

    def end(self, p):
        c = self.c
        self.gain(p + "norm.weight", c["hidden_size"])
        if c["model_type"] == "deepseek_v4":
            self.add(p + "hc_head_fn", c["hc_mult"], c["hc_mult"] * c["hidden_size"])
            self.add(p + "hc_head_base", c["hc_mult"])
            self.add(p + "hc_head_scale", 1, scale=0.5)

    def make(self):
        c, D = self.c, self.c["hidden_size"]
        self.add("embed.weight", c["vocab_size"], D, scale=1)
        self.add("head.weight", c["vocab_size"], D)
        self.end("")
        for n in range(c["num_hidden_layers"]):
            self.layer(f"layers.{n}.", c["n_routed_experts"], n in c.get("kv_source_layer_ids", []))
        stages = c["num_nextn_predict_layers"]
        for n in range(stages):
            self.layer(f"mtp.{n}.", c.get("dspark_n_routed_experts", c["n_routed_experts"]), False)
        self.add("mtp.0.main_proj.weight", D, len(c["dspark_target_layer_ids"]) * D)
        self.gain("mtp.0.main_norm.weight", D)
        last, rank = f"mtp.{stages - 1}.", c["dspark_markov_rank"]
        self.end(last)
        names = ("markov_w1", "markov_w2") if c["model_type"] == "deepseek_v4" else ("embed", "head")
        for name in names:
            self.add(last + f"markov_head.{name}.weight", c["vocab_size"], rank)
        self.add(last + "confidence_head.proj.weight", 1, D + rank)
        return self.made


class Stages:
    """The formulas."""

    def __init__(self, config, tensors):
        self.c, self.w = config, {name: t.astype(np.float64) for name, t in tensors.items()}
        self.delayed = config["model_type"] == "deepseek_v41"

    def unit(self, x):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.c["rms_norm_eps"])

    def norm(self, name, x):
        return self.unit(x) * self.w[name + ".weight"]

    def turn(self, x, positions, direction=1):
        dim = self.c["qk_rope_head_dim"]
        f = self.c["rope_theta"] ** (-np.arange(0, dim, 2) / dim)
        a = (direction * np.outer(positions, f)).reshape(len(positions), *([1] * (x.ndim - 2)), -1)
        y, start = x.copy(), x.shape[-1] - dim
        even, odd = x[..., start::2], x[..., start + 1::2]
        y[..., start::2], y[..., start + 1::2] = even * np.cos(a) - odd * np.sin(a), even * np.sin(a) + odd * np.cos(a)
        return y

    def mixtures(self, p, x):
        c, n, eps = self.c, self.c["hc_mult"], self.c["hc_eps"]
        m = self.unit(x.reshape(len(x), -1)) @ self.w[p + "_fn"].T
        s = np.repeat(self.w[p + "_scale"], [n, n, n * n])
        m = m * s + self.w[p + "_base"]
        comb = softmax(m[:, 2 * n:].reshape(-1, n, n)) + eps
        for i in range(c["hc_sinkhorn_iters"]):
            if i > 0:
                comb = comb / (comb.sum(2, keepdims=True) + eps)
            comb = comb / (comb.sum(1, keepdims=True) + eps)
        return sigmoid(m[:, :n]) + eps, 2 * sigmoid(m[:, n:2 * n]), comb

    def context(self, states, positions):
        x = self.norm("mtp.0.main_norm", states @ self.w["mtp.0.main_proj.weight"].T)
        return [self.turn(self.norm(f"mtp.{n}.attn.kv_norm", x @ self.w[f"mtp.{n}.attn.wkv.weight"].T), positions)
                for n in range(self.c["num_nextn_predict_layers"])]

    def attention(self, p, x, positions, context):
        c, d = self.c, self.c["head_dim"]
        q = self.norm(p + "q_norm", x @ self.w[p + "wq_a.weight"].T) @ self.w[p + "wq_b.weight"].T
        q = q.reshape(len(x), c["num_attention_heads"], d)
        q = self.turn(q if self.delayed else self.unit(q), positions)
        own = self.turn(self.norm(p + "kv_norm", x @ self.w[p + "wkv.weight"].T), positions)
        rows = np.concatenate([context[-c["sliding_window"]:], own])      # all of the block, before and after
        scores = np.einsum("thd,nd->thn", q, rows) * d ** -0.5
        sinks = np.broadcast_to(self.w[p + "attn_sink"][None, :, None], (*scores.shape[:2], 1))
        y = softmax(np.concatenate([scores, sinks], -1))[..., :-1] @ rows
        y = self.turn(y, positions, -1).reshape(len(x), c["o_groups"], -1)
        groups = self.w[p + "wo_a.weight"].reshape(c["o_groups"], c["o_lora_rank"], -1)
        return np.einsum("tgi,gri->tgr", y, groups).reshape(len(x), -1) @ self.w[p + "wo_b.weight"].T

    def expert(self, p, x):
        limit = self.c["swiglu_limit"]
        gate = np.minimum(x @ self.w[p + "w1.weight"].T, limit)
        up = np.clip(x @ self.w[p + "w3.weight"].T, -limit, limit)
        return (gate * sigmoid(gate) * up) @ self.w[p + "w2.weight"].T

    def experts(self, p, x):
        k = self.c.get("dspark_num_experts_per_tok", self.c["num_experts_per_tok"])
        s = np.sqrt(np.log1p(np.exp(x @ self.w[p + "gate.weight"].T)))
        y = self.expert(p + "shared_experts.", x)
        for t in range(len(x)):
            chosen = np.argsort(-(s[t] + self.w[p + "gate.bias"]), kind="stable")[:k]
            for e in chosen:
                weight = s[t, e] / s[t, chosen].sum() * self.c["routed_scaling_factor"]
                y[t] += weight * self.expert(p + f"experts.{e}.", x[t:t + 1])[0]
        return y

    def hidden(self, tokens, positions, contexts):
        x = np.repeat(self.w["embed.weight"][tokens][:, None], self.c["hc_mult"], 1)
        before = np.zeros((len(x), self.c["hc_mult"]))
        before[:, 0] = 1
        for n, context in enumerate(contexts):
            p = f"mtp.{n}."
            for site in ("attn", "ffn"):
                pre, post, comb = self.mixtures(p + "hc_" + site, x)
                read = before if self.delayed else pre
                before = pre
                y = self.norm(p + site + "_norm", (read[..., None] * x).sum(1))
                y = self.attention(p + "attn.", y, positions, context) if site == "attn" else self.experts(p + "ffn.", y)
                x = post[..., None] * y[:, None] + np.einsum("tjk,tjd->tkd", comb, x)
        if not self.delayed:
            m = self.unit(x.reshape(len(x), -1)) @ self.w[p + "hc_head_fn"].T
            before = sigmoid(m * self.w[p + "hc_head_scale"] + self.w[p + "hc_head_base"]) + self.c["hc_eps"]
        return (before[..., None] * x).sum(1)

    def heads(self, hidden, before):
        p = f"mtp.{self.c['num_nextn_predict_layers'] - 1}."
        first, second = ("embed", "head") if self.delayed else ("markov_w1", "markov_w2")
        low = self.w[p + f"markov_head.{first}.weight"][before]
        logits = self.norm(p + "norm", hidden) @ self.w["head.weight"].T
        logits = logits + low @ self.w[p + f"markov_head.{second}.weight"].T
        return logits, sigmoid(np.concatenate([hidden, low], 1) @ self.w[p + "confidence_head.proj.weight"][0])


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "src/model/testdata"
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 11)
    for name, config in (("deepseek_v4_dspark", V4), ("deepseek_v41_dspark", V41)):
        folder = os.path.join(root, name)
        os.makedirs(folder, exist_ok=True)
        tensors = Maker(config, rng).make()
        save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
        with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
            file.write(json.dumps(config, indent=2) + "\n")
        stages, size = Stages(config, tensors), config["dspark_block_size"]
        states = rng.standard_normal((TOKENS, len(config["dspark_target_layer_ids"]) * config["hidden_size"]))
        states = states.astype(np.float32)
        block = np.full(size, config["dspark_noise_token_id"])
        block[0] = 3
        before = np.array([3, 9, 1, 30, 12])
        contexts = stages.context(states.astype(np.float64), np.arange(TOKENS))
        hidden = stages.hidden(block, TOKENS + np.arange(size), contexts)
        logits, confidence = stages.heads(hidden, before)
        save_file({"states": states, "block": block.astype(np.int64), "before": before.astype(np.int64),
                   "hidden": hidden.astype(np.float32), "logits": logits.astype(np.float32),
                   "confidence": confidence.astype(np.float32)}, os.path.join(folder, "golden.safetensors"))
        for file in os.listdir(folder):
            os.chmod(os.path.join(folder, file), 0o644)


if __name__ == "__main__":
    main()
