#!/bin/bash
# transformers 5.24.0: save_pretrained() of Kimi-K2.5.
# Guess: the names of the published files, as the conversion mapping reads them: language_model.model.layers.0..., since
# the same mapping is turned round for saving.
# Seen: one of its rules renames `blocks` of the image's tower to `layers`; turned round it renames the text's layers to
# `blocks` as well: language_model.model.blocks.0... transformers reads its own files; a reader of the published names
# finds no layer. The norm of the projector keeps its name in memory.
. "$(dirname "$0")/common.sh"
install torch==2.15.0 torchvision transformers==5.24.0 safetensors==0.8.0
run <<'PY'
import torch, transformers
from safetensors.torch import load_file
print("transformers", transformers.__version__)
torch.manual_seed(1)
text = dict(vocab_size=31, hidden_size=16, num_hidden_layers=2, max_position_embeddings=64, num_attention_heads=2,
            num_key_value_heads=2, kv_lora_rank=8, q_lora_rank=8, qk_nope_head_dim=4, qk_rope_head_dim=4, v_head_dim=4,
            intermediate_size=16, moe_intermediate_size=8, n_routed_experts=4, n_shared_experts=1, num_experts_per_tok=2,
            n_group=1, topk_group=1, first_k_dense_replace=1, model_type="kimi_k2")
seen = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, pos_emb_height=4,
            pos_emb_width=4, pos_emb_time=2)
config = transformers.Kimi_K25Config(text_config=text, vision_config=seen, projection_hidden_size=16,
                                     tie_word_embeddings=False)
model = transformers.Kimi_K25ForConditionalGeneration(config).float().eval()
model.save_pretrained("saved")
names = sorted(load_file("saved/model.safetensors"))
for name in names:
    if ".0.input_layernorm" in name or "pre_norm" in name or name.endswith("lm_head.weight"):
        print(name)
assert "language_model.model.blocks.0.input_layernorm.weight" in names
assert not any(name.startswith("language_model.model.layers.") for name in names)
assert "model.mm_projector.pre_norm.weight" in names
PY
