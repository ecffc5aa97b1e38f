"""Random tensors of small models of DeepSeek-V4's kind, under the names of DeepSeek's files, for the scripts
make_*_golden.py. The order of draws is part of the golden files."""
import numpy as np


class RandomTensors:
    """`config`: the keys of config.json; `rng`: a numpy Generator; the tensors are in `made`, by name, f32."""

    def __init__(self, config, rng):
        self.c, self.rng, self.made = config, rng, {}

    def add(self, name, *shape, scale=0.25):
        self.made[name] = (scale * self.rng.standard_normal(shape)).astype(np.float32)

    def gain(self, name, width):
        self.made[name] = (1 + 0.1 * self.rng.standard_normal(width)).astype(np.float32)

    def attention(self, p):
        """Norms and hyper-connections of both parts of the layer `p`, and its attention without entries."""
        c = self.c
        D, d, r, heads, streams = (c[k] for k in ("hidden_size", "head_dim", "q_lora_rank", "num_attention_heads", "hc_mult"))
        mixes = (2 + streams) * streams
        for site in ("attn", "ffn"):
            self.gain(p + f"{site}_norm.weight", D)
            self.add(p + f"hc_{site}_fn", mixes, streams * D)
            self.add(p + f"hc_{site}_base", mixes)
            self.add(p + f"hc_{site}_scale", 3, scale=0.5)
        a = p + "attn."
        self.add(a + "wq_a.weight", r, D)
        self.gain(a + "q_norm.weight", r)
        self.add(a + "wq_b.weight", heads * d, r)
        self.add(a + "wkv.weight", d, D)
        self.gain(a + "kv_norm.weight", d)
        self.add(a + "attn_sink", heads)
        self.add(a + "wo_a.weight", c["o_groups"] * c["o_lora_rank"], heads * d // c["o_groups"])
        self.add(a + "wo_b.weight", D, c["o_groups"] * c["o_lora_rank"])

    def experts(self, p, count):
        """The routed experts of the layer `p` and the shared one."""
        D, inner = self.c["hidden_size"], self.c["moe_intermediate_size"]
        for part in [f"experts.{e}" for e in range(count)] + ["shared_experts"]:
            self.add(p + f"ffn.{part}.w1.weight", inner, D)
            self.add(p + f"ffn.{part}.w2.weight", D, inner)
            self.add(p + f"ffn.{part}.w3.weight", inner, D)
