#!/usr/bin/env python3
"""Makes the reference values of embeddings with sentence-transformers, in src/testing/data: a BERT and
a Qwen3 of random weights (folders as sentence-transformers saves them, 100 KB together) with the
vectors and token ids of some texts, and, where WEIR_REAL_MODELS has all-MiniLM-L6-v2, the vectors of
that model. Not part of the build:

  pip install sentence-transformers && WEIR_REAL_MODELS=FOLDER tools/make_embedding_golden.py
"""
import json
import os
import pathlib
import shutil

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Normalize, Pooling, Transformer
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers import processors, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, Qwen3Config, Qwen3Model

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "src/testing/data"

TEXTS = [
    "A river is tamed by digging its channel deep and keeping the weir low.",
    "Li Bing war ein Ingenieur; er baute das Wehr in Dujiangyan.",
    "深淘滩，低作堰。",
    "HELLO, World!  Ünïcödé naïve café — don't (do) it: 3.14 & 50%",
    "ＦＵＬＬ width İstanbul ŒUVRE ﬁne ½ x² Ω \u200b\u00adz\u0301 \ufeff",
    "한국어 カタカナ हिन्दी العربية עברית 😀👍🏽",
    "tab\tnewline\nreturn\r nbsp\u00a0thin\u2009ideographic\u3000line\u2028end",
    "",
    "x" * 101 + " " + "y" * 100,
    "[CLSS] [ ] ## ##ing a##b __init__ $x ^y `z` a_b \\frac{1}{2}",
    "control \x01\x7f\x85 private \ue000 \U000f0000 unassigned \u0378",
]
LONG = "one two three four five six seven eight nine ten " * 60


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf8")


def golden(model, texts):
    """Ids as the model sees them, and the vectors of each text alone."""
    rows = []
    for text in texts:
        features = model.tokenize([text])
        vector = model.encode([text], normalize_embeddings=True)[0]
        rows.append({"text": text, "ids": features["input_ids"][0].tolist(),
                     "vector": [float(f"{x:.7g}") for x in vector]})
    return rows


def save(name, transformer, tokenizer, pooling, length, prompts=None, default=None):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    parts = OUT / (name + ".parts")
    transformer.save_pretrained(parts)
    tokenizer.save_pretrained(parts)
    first = Transformer(str(parts), max_seq_length=length)
    width = transformer.config.hidden_size
    model = SentenceTransformer(modules=[first, Pooling(width, pooling_mode=pooling), Normalize()],
                                prompts=prompts, default_prompt_name=default, device="cpu")
    model.save(str(folder), create_model_card=False)
    shutil.rmtree(parts)
    for extra in ("README.md", ".gitattributes"):
        (folder / extra).unlink(missing_ok=True)
    texts = TEXTS + [LONG[:600]]
    write_lines(folder / "golden.jsonl", golden(SentenceTransformer(str(folder), device="cpu"), texts))


def spread(model):
    """Weights far from uniform, so that every part of the model matters."""
    torch.manual_seed(7)
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(torch.randn_like(value) * (0.3 if value.dim() > 1 else 0.1))
            if name.endswith("norm.weight") or name.endswith("LayerNorm.weight"):
                value.add_(1)


def bert():
    base = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    base.normalizer = normalizers.BertNormalizer()
    base.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    base.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    base.train_from_iterator(TEXTS * 4, trainers.WordPieceTrainer(vocab_size=360, special_tokens=special))
    base.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=base, unk_token="[UNK]", pad_token="[PAD]",
                                        cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]")
    model = BertModel(BertConfig(vocab_size=base.get_vocab_size(), hidden_size=16, num_hidden_layers=2,
                                 num_attention_heads=2, intermediate_size=40,
                                 max_position_embeddings=160), add_pooling_layer=False)
    spread(model)
    save("tiny-bert", model.eval(), tokenizer, "mean", 120)


def qwen():
    base = Tokenizer(models.BPE())
    base.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    base.decoder = decoders.ByteLevel()
    base.train_from_iterator(TEXTS, trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|endoftext|>"]))
    end = base.token_to_id("<|endoftext|>")
    base.post_processor = processors.TemplateProcessing(
        single="$A <|endoftext|>", pair="$A <|endoftext|> $B <|endoftext|>",
        special_tokens=[("<|endoftext|>", end)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=base, eos_token="<|endoftext|>",
                                        pad_token="<|endoftext|>", padding_side="left")
    model = Qwen3Model(Qwen3Config(vocab_size=base.get_vocab_size(), hidden_size=16, num_hidden_layers=2,
                                   num_attention_heads=2, num_key_value_heads=1, head_dim=8,
                                   intermediate_size=40, max_position_embeddings=256,
                                   tie_word_embeddings=False, layer_types=["full_attention"] * 2))
    spread(model)
    save("tiny-qwen3-embedding", model.eval(), tokenizer, "lasttoken", 200,
         prompts={"query": "Query: ", "document": ""}, default="query")


def minilm(folder):
    write_lines(OUT / "minilm.golden.jsonl", golden(SentenceTransformer(folder, device="cpu"), TEXTS + [LONG]))


if __name__ == "__main__":
    bert()
    qwen()
    real = os.path.join(os.environ.get("WEIR_REAL_MODELS", ""), "all-MiniLM-L6-v2")
    if os.path.isdir(real):
        minilm(real)
