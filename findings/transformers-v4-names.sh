#!/bin/bash
# transformers 5.24.0: save_pretrained() of DeepSeek-V4.
# Guess: the names of DeepSeek's own files (layers.0.attn.kv_norm.weight, embed.weight), as its conversion mapping reads
# them: "It saves under the checkpoint's names again".
# Seen: the layers keep "model." in front, embedding, last norm and the head's streams keep the names they have in
# memory, and attn.kv_norm becomes attn.norm, the name of the compressor's norm. transformers reads both; readers of
# DeepSeek's names find neither.
. "$(dirname "$0")/common.sh"
install torch==2.15.0 transformers==5.24.0 safetensors==0.8.0
run <<'PY'
import torch, transformers
from safetensors.torch import load_file, save_file
print("transformers", transformers.__version__)
torch.manual_seed(1)
config = transformers.DeepseekV4Config(
    vocab_size=31, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, head_dim=8, partial_rotary_factor=0.5,
    q_lora_rank=8, o_groups=1, o_lora_rank=4, sliding_window=4, index_n_heads=2, index_head_dim=8, index_topk=2, hc_mult=2,
    n_routed_experts=2, num_experts_per_tok=1, moe_intermediate_size=4, layer_types=["compressed_sparse_attention"],
    mlp_layer_types=["moe"], max_position_embeddings=64, num_nextn_predict_layers=0)
config._attn_implementation = "eager"
model = transformers.DeepseekV4ForCausalLM(config).float().eval()
model.save_pretrained("saved")
saved = load_file("saved/model.safetensors")
for name in ("model.embed_tokens.weight", "model.norm.weight", "model.hc_head.hc_fn", "head.weight",
             "model.layers.0.attn.norm.weight", "model.layers.0.attn.wq_a.weight",
             "model.layers.0.attn.compressor.norm.weight"):
    print(name, tuple(saved[name].shape))
assert not any(n.startswith("layers.") or "kv_norm" in n or n in ("embed.weight", "norm.weight") for n in saved)
def own(name):
    for old, new in (("model.embed_tokens.", "embed."), ("model.hc_head.hc_", "hc_head_"), (".attn.norm.", ".attn.kv_norm.")):
        name = name.replace(old, new)
    return name.removeprefix("model.")
save_file({own(n): t for n, t in saved.items()}, "saved/model.safetensors", metadata={"format": "pt"})
again = transformers.DeepseekV4ForCausalLM.from_pretrained("saved", attn_implementation="eager", dtype=torch.float32)
tokens = torch.arange(12)[None]
with torch.no_grad():
    assert torch.equal(model(tokens).logits, again(tokens).logits)
print("DeepSeek's names are read with the same logits")
PY
