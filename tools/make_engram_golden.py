"""Golden logits of a small random DeepSeek-V4.1 with Engram: tools/make_engram_golden.py FOLDER (default
src/model/testdata/deepseek_v41_engram). Needs what make_v41_golden.py needs; mlx-lm 0.32.2 computes all but Engram, which is
added to the streams before its layers by the formulas of DeepSeek's paper, in NumPy's double precision. Tables are E4M3 with a
scale of E8M0 for every 32 columns, as the published folder has them. Each token is a class of its own."""
import json
import os
import sys

import mlx.core as mx
import numpy as np
from mlx_lm.models import deepseek_v41

import make_v41_golden as base

CONFIG = dict(base.CONFIG, engram_layer_ids=[1, 5], engram_vocab_size=17, engram_max_ngram_size=4, engram_n_heads=2,
              engram_head_dim=32, engram_pad_token_id=2, engram_compressed_vocab_size=base.CONFIG["vocab_size"])


def layout(c):
    """Primes, offsets and multipliers of each layer."""
    prime, out = c["engram_vocab_size"] - 1, []
    for layer in c["engram_layer_ids"]:
        primes = []
        while len(primes) < (c["engram_max_ngram_size"] - 1) * c["engram_n_heads"]:
            prime += 1
            if all(prime % d for d in range(2, prime)):
                primes.append(prime)
        bound = max(1, np.iinfo(np.int64).max // c["engram_compressed_vocab_size"] // 2)
        draws = np.random.default_rng(10007 * layer).integers(0, bound, size=c["engram_max_ngram_size"], dtype=np.int64)
        out.append((primes, np.cumsum([0] + primes[:-1]), draws * 2 + 1))
    return out


def rows(tokens, c, primes, offsets, multipliers):
    """[tokens][rows]: n by n, head by head."""
    result = []
    for t in range(len(tokens)):
        own, mix = [], int(tokens[t]) * int(multipliers[0])
        for back in range(1, c["engram_max_ngram_size"]):
            token = int(tokens[t - back]) if t >= back else c["engram_pad_token_id"]
            mix ^= token * int(multipliers[back])
            for _ in range(c["engram_n_heads"]):
                own.append(mix % primes[len(own)] + int(offsets[len(own)]))
        result.append(own)
    return np.array(result)


def e4m3(byte):
    sign, exponent, mantissa = byte >> 7, byte >> 3 & 15, byte & 7
    value = mantissa / 8 * 2.0 ** -6 if exponent == 0 else (1 + mantissa / 8) * 2.0 ** (exponent - 7)
    return -value if sign else value


def engram(x, read, w, eps):
    """x [T, streams, D]; read [T, rows * width]; all in float64."""
    T, streams, D = x.shape
    kv = read @ w["wkv"].T
    key, value = kv[:, :streams * D].reshape(T, streams, D), kv[:, streams * D:]
    inverse = lambda z: 1 / np.sqrt((z * z).mean(-1) + eps)
    d = (x * w["q"] * w["k"] * key).sum(-1) * inverse(x) * inverse(key) / np.sqrt(D)
    gate = 1 / (1 + np.exp(-np.sign(d) * np.sqrt(np.maximum(np.abs(d), 1e-6))))
    return x + gate[..., None] * value[:, None, :]


def write(path, tensors):
    header, data = {}, b""
    for name, (dtype, shape, raw) in sorted(tensors.items()):
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text + data)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "src/model/testdata/deepseek_v41_engram"
    os.makedirs(folder, exist_ok=True)
    rng = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 11)
    c = CONFIG
    plain = base.weights(rng)
    tokens = rng.integers(0, c["vocab_size"], base.TOKENS)
    tokens[40:50] = tokens[10:20]  # n-grams that come again
    D, streams, width = c["hidden_size"], c["hc_mult"], c["engram_head_dim"]
    columns = (c["engram_max_ngram_size"] - 1) * c["engram_n_heads"]
    stored = {name: ("F32", a.shape, a.tobytes()) for name, a in plain.items()}
    parts, sizes = {}, []
    for layer, (primes, offsets, multipliers) in zip(c["engram_layer_ids"], layout(c)):
        p = f"layers.{layer}.engram."
        count = sum(primes)
        sizes.append(count)
        codes = (rng.integers(0, 2, (count, width)) << 7 | rng.integers(0, 0x60, (count, width))).astype(np.uint8)
        scales = rng.integers(120, 124, (count, width // 32)).astype(np.uint8)
        values = np.vectorize(e4m3)(codes.astype(np.int64)) * np.repeat(2.0 ** (scales.astype(np.int64) - 127), 32, axis=1)
        wkv = (0.25 * rng.standard_normal(((streams + 1) * D, columns * width))).astype(np.float32)
        q = (1 + 0.3 * rng.standard_normal((streams, D))).astype(np.float32)
        k = (1 + 0.3 * rng.standard_normal((streams, D))).astype(np.float32)
        stored |= {p + "embed.weight": ("F8_E4M3", codes.shape, codes.tobytes()),
                   p + "embed.scale": ("F8_E8M0", scales.shape, scales.tobytes()),
                   p + "wkv.weight": ("F32", wkv.shape, wkv.tobytes()),
                   p + "q_weight": ("F32", q.shape, q.tobytes()), p + "k_weight": ("F32", k.shape, k.tobytes())}
        read = values[rows(tokens, c, primes, offsets, multipliers)].reshape(len(tokens), -1)
        parts[layer] = (read, {"wkv": wkv.astype(float), "q": q.astype(float), "k": k.astype(float)})
    c["engram_num_embeddings"] = sizes
    original = deepseek_v41.DecoderLayer.__call__

    def with_engram(self, x, pre, **others):
        if getattr(self, "engram_layer", None) in parts:
            read, w = parts[self.engram_layer]
            x = mx.array(engram(np.array(x[0]).astype(float), read, w, c["rms_norm_eps"]).astype(np.float32))[None]
        return original(self, x, pre, **others)

    deepseek_v41.DecoderLayer.__call__ = with_engram
    model = deepseek_v41.Model(deepseek_v41.ModelArgs.from_dict(base.CONFIG))
    for number, layer in enumerate(model.layers):
        layer.engram_layer = number
    model.load_weights(list(model.sanitize({k: mx.array(v) for k, v in plain.items()}).items()), strict=True)
    logits = np.array(model(mx.array(tokens)[None])[0].astype(mx.float32))
    print("largest logit", abs(logits).max())
    write(os.path.join(folder, "model.safetensors"), stored)
    write(os.path.join(folder, "golden.safetensors"), {
        "tokens": ("I64", tokens.shape, tokens.astype(np.int64).tobytes()),
        "logits": ("F32", logits.shape, logits.astype(np.float32).tobytes())})
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(dict(c, architectures=["DeepseekV41ForCausalLM"]), f, indent=2, sort_keys=True)
        f.write("\n")


if __name__ == "__main__":
    main()
