#!/bin/bash
# transformers 5.24.0: AutoTokenizer on a folder whose config.json has `model_type` qwen2 and whose tokenizer.json cuts text
# otherwise than Qwen2's, as a tokenizer that was trained for the model does.
# Guess: tokenizer.json is what counts, at least with `tokenizer_class` PreTrainedTokenizerFast or TokenizersBackend.
# Seen: for qwen2 the stated class is not believed: Qwen2Tokenizer takes vocabulary and merges from the file and puts Qwen2's
# own pattern and NFC in place of its pre-tokenizer and normalizer, silently. Other ids than the file's, and than those the model
# was trained with. qwen3, llama and deepseek_v3 are read as they are, and so is the file through `tokenizer_file`.
. "$(dirname "$0")/common.sh"
install transformers==5.24.0 tokenizers==0.23.3
run <<'PY' 2>/dev/null
import json, os, transformers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
print("transformers", transformers.__version__)
made = Tokenizer(models.BPE())
made.pre_tokenizer = pre_tokenizers.Sequence([
    pre_tokenizers.Split(Regex(r"\p{N}{1,3}"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
made.decoder = decoders.ByteLevel()
made.train_from_iterator(["in 1234 and 567890"] * 9, trainers.BpeTrainer(
    vocab_size=300, special_tokens=["<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
texts = ["in 1234", "e\u0301"]
other = {}
for kind in ("qwen2", "qwen3", "llama", "deepseek_v3"):
    for stated in ("PreTrainedTokenizerFast", "TokenizersBackend"):
        folder = f"{kind}-{stated}"
        os.makedirs(folder)
        made.save(folder + "/tokenizer.json")
        json.dump({"tokenizer_class": stated, "bos_token": "<s>", "eos_token": "</s>"}, open(folder + "/tokenizer_config.json", "w"))
        json.dump({"model_type": kind}, open(folder + "/config.json", "w"))
        read = transformers.AutoTokenizer.from_pretrained(folder)
        other[kind, stated] = [read.encode(t, add_special_tokens=False) != made.encode(t).ids for t in texts]
        print(f"{kind:12} {stated:24} -> {type(read).__name__:18} {texts[0]!r}:", read.tokenize(texts[0]))
print("tokenizer.json itself:", made.encode(texts[0]).tokens)
assert all(differs == [kind == "qwen2"] * 2 for (kind, _), differs in other.items())
whole = transformers.PreTrainedTokenizerFast(tokenizer_file="qwen2-TokenizersBackend/tokenizer.json")
assert all(whole.encode(t, add_special_tokens=False) == made.encode(t).ids for t in texts)
PY
