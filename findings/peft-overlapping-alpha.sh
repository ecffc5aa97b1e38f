#!/bin/bash
# peft 0.21.2: LoraConfig(alpha_pattern={"q_proj": 4, "layers.0.self_attn.q_proj": 64}), both patterns fit layer 0.
# Guess: the more specific pattern counts, or the first; and a saved adapter, loaded again, is the same function.
# Seen: the first counts, here alpha 4. The file has the patterns in the order of the alphabet, so that the other one is
# first after loading: alpha 64 for layer 0, scale 16 instead of 1, without a word. With rank_pattern written so, PEFT
# cannot load its own file: the shapes differ.
. "$(dirname "$0")/common.sh"
install torch==2.15.0 transformers==5.24.0 accelerate safetensors==0.8.0
install --no-deps peft==0.21.2
run <<'PY'
import json, torch, peft
from transformers import LlamaConfig, LlamaForCausalLM
from peft import LoraConfig, PeftModel, get_peft_model
print("peft", peft.__version__)
torch.manual_seed(0)
config = LlamaConfig(vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                     num_key_value_heads=2, max_position_embeddings=64)
LlamaForCausalLM(config).save_pretrained("base")
base = lambda: LlamaForCausalLM.from_pretrained("base")
patterns = lambda general, special: {"q_proj": general, "layers.0.self_attn.q_proj": special}

def trained(name, **more):
    model = get_peft_model(base(), LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj"], task_type="CAUSAL_LM", **more))
    for key, values in model.named_parameters():
        if "lora_B" in key:
            torch.nn.init.normal_(values)
    model.save_pretrained(name)
    return model.eval()

scales = lambda model: [m.scaling["default"] for n, m in model.named_modules() if n.endswith("q_proj")]
ids = torch.tensor([[1, 5, 6]])
made = trained("alpha", alpha_pattern=patterns(4, 64))
read = PeftModel.from_pretrained(base(), "alpha").eval()
print("scales of both layers as trained", scales(made), "as loaded", scales(read))
print("in the file:", json.load(open("alpha/adapter_config.json"))["alpha_pattern"])
print("largest change of a logit:", round((made(ids).logits - read(ids).logits).abs().max().item(), 4))
assert scales(made) == [1.0, 1.0] and scales(read) == [16.0, 1.0]
trained("rank", rank_pattern=patterns(2, 8))
try:
    PeftModel.from_pretrained(base(), "rank")
    raise SystemExit("rank_pattern is loaded: changed")
except RuntimeError as error:
    print("rank_pattern:", str(error).splitlines()[1].strip()[:120])
PY
