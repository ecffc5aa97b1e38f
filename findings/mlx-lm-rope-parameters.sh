#!/bin/bash
# mlx-lm 0.32.2: folders that transformers 5 saved, where `rope_theta` and the scaling are inside of `rope_parameters`.
# Guess: read as transformers reads them, or refused.
# Seen: DeepSeek-V3, Qwen2, Llama and GLM-4.7-Flash run with rope_theta 10000 and without scaling, silently: more than half of
# the best tokens are others. DeepSeek-V2 ends in an AttributeError; Qwen3 is read rightly. With the same numbers in the
# older form, `rope_theta` beside `rope_scaling`, all are right.
. "$(dirname "$0")/common.sh"
install torch==2.15.0 transformers==5.24.0 safetensors==0.8.0 "mlx[cpu]==0.32.4" mlx-lm==0.32.2
run <<'PY' 2>/dev/null
import json
from importlib.metadata import version
from pathlib import Path
import numpy as np, torch, transformers as tf
import mlx.core as mx
from mlx_lm.utils import load_model
print("mlx-lm", version("mlx-lm"), "transformers", tf.__version__)
dense = dict(vocab_size=300, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, initializer_range=0.2, max_position_embeddings=2560)
latent = {**dense, "num_key_value_heads": 4, "num_hidden_layers": 3, "moe_intermediate_size": 64, "n_routed_experts": 8,
          "num_experts_per_tok": 2, "n_group": 4, "topk_group": 2, "kv_lora_rank": 32, "q_lora_rank": 32,
          "qk_rope_head_dim": 16, "qk_nope_head_dim": 16, "v_head_dim": 16, "first_k_dense_replace": 1}
plain = dict(rope_type="default", rope_theta=500000.0)
yarn = dict(rope_type="yarn", rope_theta=50000.0, factor=40.0, original_max_position_embeddings=64, beta_fast=32,
            beta_slow=1, mscale=1.0, mscale_all_dim=1.0)
ids = [int(i) for i in np.random.RandomState(0).randint(2, 290, 150)]

def others(folder, reference):
    """How many best tokens differ, or the error."""
    try:
        model, _ = load_model(Path(folder))
    except AttributeError as error:
        return type(error).__name__
    mine = np.array(model(mx.array([ids])).astype(mx.float32))[0]
    return int((mine.argmax(-1) != reference.argmax(-1)).sum())

def tried(name, kind, sizes, rope):
    torch.manual_seed(0)
    model = getattr(tf, kind + "ForCausalLM")(getattr(tf, kind + "Config")(**sizes, rope_parameters=rope)).eval()
    model.save_pretrained(name)
    with torch.no_grad():
        reference = model(torch.tensor([ids])).logits[0].numpy()
    saved = others(name, reference)
    config = json.load(open(name + "/config.json"))
    inside = config.pop("rope_parameters")
    config["rope_theta"] = inside.pop("rope_theta")
    config["rope_scaling"] = None if inside["rope_type"] == "default" else {**inside, "type": inside["rope_type"]}
    json.dump(config, open(name + "/config.json", "w"))
    older = others(name, reference)
    print(f"{name:14} other best tokens of {len(ids)}: {saved} as saved, {older} in the older form")
    return saved, older

for name, kind, sizes, rope in [("v3-yarn", "DeepseekV3", latent, yarn), ("qwen2", "Qwen2", dense, plain),
                                ("llama", "Llama", dense, plain), ("glm4_moe_lite", "Glm4MoeLite", latent, plain)]:
    saved, older = tried(name, kind, sizes, rope)
    assert saved > 75 and older == 0
assert tried("v2-yarn", "DeepseekV2", latent, yarn) == ("AttributeError", 0)
assert tried("qwen3", "Qwen3", {**dense, "head_dim": 16}, plain) == (0, 0)
PY
