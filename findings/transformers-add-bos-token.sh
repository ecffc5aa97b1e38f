#!/bin/bash
# transformers 5.24.0 against 4.57.6: `add_bos_token` of a folder with `tokenizer_class` LlamaTokenizerFast and a byte-level
# tokenizer.json, the form of DeepSeek's published tokenizers.
# Guess: tokenizer_config.json decides whether a text begins with BOS, as it did in version 4.
# Seen: version 5 takes the post-processor of tokenizer.json and ignores the key both ways: true without a template gives no
# BOS, false beside a template gives one. Perplexities and prompts of texts without a chat template change.
. "$(dirname "$0")/common.sh"
install transformers==4.57.6 tokenizers==0.22.2
python3 -m venv "$work/newer"
"$work/newer/bin/pip" install --quiet --disable-pip-version-check transformers==5.24.0 2>"$work/pip.log"
cat > "$work/ids.py" <<'PY'
import json, os, sys, transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
vocab = {token: i for i, token in enumerate(["<s>", "</s>"] + alphabet)}
made = Tokenizer(models.BPE(vocab, []))
made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
made.add_special_tokens(["<s>", "</s>"])
found = {}
for template in (False, True):
    made.post_processor = (processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)]) if template
                           else processors.ByteLevel(trim_offsets=False))
    for adds in (True, False):
        folder = f"{int(template)}{int(adds)}"
        os.makedirs(folder, exist_ok=True)
        made.save(folder + "/tokenizer.json")
        json.dump({"tokenizer_class": "LlamaTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "add_bos_token": adds},
                  open(folder + "/tokenizer_config.json", "w"))
        begins = transformers.AutoTokenizer.from_pretrained(folder)("a")["input_ids"][0] == 0
        found[template, adds] = begins
        print(transformers.__version__, "template" if template else "no template", f"add_bos_token {adds}:", "BOS" if begins else "no BOS")
key = 1 if sys.argv[1] == "key" else 0
assert all(begins == case[key] for case, begins in found.items())
PY
cd "$work"
export HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error
"$work/venv/bin/python" -W ignore ids.py key 2>/dev/null
"$work/newer/bin/python" -W ignore ids.py template 2>/dev/null
