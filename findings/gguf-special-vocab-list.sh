#!/bin/bash
# gguf 0.19.0: SpecialVocab, which converters to GGUF ask for end tokens.
# Guess: with "eos_token_id": [3, 4] in config.json the first (or all) becomes the end token, and
# generation_config.json counts; an id beyond the vocabulary is an error.
# Seen: a list is passed over without a word, generation_config.json is not read, so the file gets no end token at
# all; an id beyond the vocabulary is taken.
. "$(dirname "$0")/common.sh"
install gguf==0.19.0
run <<'PY'
import json, os
from importlib.metadata import version
import gguf
print("gguf", version("gguf"))
def ends(name, config, generation=None):
    os.makedirs(name)
    tokens = {"a": 0, "b": 1, "ab": 2, "</s>": 3, "<|im_end|>": 4}
    added = [dict(id=i, content=c, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
             for c, i in tokens.items() if i > 2]
    model = dict(type="BPE", vocab=tokens, merges=[["a", "b"]], byte_fallback=False, fuse_unk=False)
    json.dump(dict(version="1.0", added_tokens=added, model=model), open(name + "/tokenizer.json", "w"))
    json.dump(config, open(name + "/config.json", "w"))
    if generation: json.dump(generation, open(name + "/generation_config.json", "w"))
    found = gguf.SpecialVocab(name, load_merges=True).special_token_ids
    print(name, config, generation, "->", found)
    return found
assert ends("number", {"eos_token_id": 3}) == {"eos": 3}
assert ends("list", {"eos_token_id": [3, 4]}) == {}
assert ends("generation", {}, {"eos_token_id": [4, 3]}) == {}
assert ends("beyond", {"eos_token_id": 99}) == {"eos": 99}
PY
