#!/usr/bin/env python3
"""Makes src/testing/data with independent programs: Python's `regex` for the split patterns and
HuggingFace `tokenizers` for training and encoding. Not part of the build; run it when a pattern or
a case is added:  pip install tokenizers regex && tools/make_tokenizer_golden.py
"""
import json
import pathlib
import re
import unicodedata

import regex
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers, processors, trainers

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "src/testing/data"

CASES = [
    "Hello, world! 1234567 \n\n  x",
    "don't 'LL IT'S we've I'm they'd",
    "你好，世界abc カタカナ１２３ ひらがな。",
    "foo(bar)\n\n\nbaz",
    "A.B  C\t\tD \r\n E",
    "  leading",
    "trailing   ",
    "\n",
    "    42   \n   ",
    "\u00a0nbsp\u3000wide",
    "e\u0301 combining a\u0323\u0302 q\u0307\u0323",
    "x=10000.5e-3;y+=2",
    "#include <vector>\nint main(){return 0;}",
    "😀👍🏽 ok 👩‍👩‍👧 🇩🇪",
    "١٢٣٤٥ Ⅷ ½ ²",
    "¿Qué?—sí…",
    "\t\tif x:\n\t\t\tpass",
    "a\u200bb\ufeffc\u180ed\u0085e\u2028f",
    "<｜User｜>hi<think>\n",
    "ㄱㄴ 한국어 1.000,50",
    "__init__ $x ^y `z`",
    "\x00\x01 ctl \x7f",
    "ſ'ſ 'S 'ſ",
    "K\u212a ok Ω\u2126",
    "Führer, Österreich; straße ÀÁ þ",
    "Привет, мир! Ελληνικά עברית العربية हिन्दी ไทย",
    "https://example.org/a_b?c=d&e=%20#f",
    "3.14159 1,000,000 0x1F 1e10 12345678901234567890",
    "\\frac{a}{b} = \\boxed{42}\\n",
    "a" * 40 + " " + "-" * 50 + "\n" * 9 + "   \n" * 3,
]


def split_presets():
    """The patterns as the C++ file has them; gpt-2's is in the header."""
    source = (ROOT / "src/tokenizer/split_patterns.cpp").read_text("utf8")
    header = (ROOT / "src/tokenizer/split_patterns.h").read_text("utf8")
    raw = r'R"\((.*?)\)"'
    constants = {}
    for text in (header, source):
        for name, body in re.findall(r"constexpr char (\w+)\[\] =(.*?);\n", text, re.S):
            constants[name] = "".join(re.findall(raw, body, re.S))
    presets = {"gpt-2": [constants["kGpt2Pattern"]]}
    body = source[source.index("presets = {") :]
    for name, steps in re.findall(r'\{"([\w-]+)",\s*\{(regex\(.*?\))\}\}', body, re.S):
        presets[name] = [
            constants[constant] if constant else pattern
            for constant, pattern in re.findall(r"regex\((?:(k\w+)|" + raw + r")\)", steps, re.S)
        ]
    # As published (tokenization_kimi.py); the C++ file has it without the intersections of sets.
    upper = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
    lower = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]"
    suffix = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    presets["kimi-k2"] = ["|".join([
        r"[\p{Han}]+",
        rf"[^\r\n\p{{L}}\p{{N}}]?{upper}*{lower}+{suffix}",
        rf"[^\r\n\p{{L}}\p{{N}}]?{upper}+{lower}*{suffix}",
        r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])]
    return presets


def split(text, patterns):
    pieces = [text]
    for pattern in patterns:
        version = regex.VERSION1 if "&&" in pattern else regex.VERSION0
        compiled = regex.compile(pattern.replace(r"[\s\S]", "(?s:.)"), version)
        out = []
        for piece in pieces:
            at = 0
            for match in compiled.finditer(piece):
                if match.start() > at:
                    out.append(piece[at : match.start()])
                out.append(match.group())
                at = match.end()
            if at < len(piece):
                out.append(piece[at:])
        pieces = out
    return pieces


def escape(text):
    out = ""
    for c in text:
        if c == "\\":
            out += "\\\\"
        elif c in "\n\r\t":
            out += {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[c]
        elif c != " " and unicodedata.category(c)[0] in "CZM":
            out += "\\u{%X}" % ord(c)
        else:
            out += c
    return out


def write_split_golden():
    lines = ["# preset <tab> the text with ¦ between its pieces; \\n \\r \\t \\\\ \\u{hex} are escapes"]
    for name, patterns in split_presets().items():
        for text in CASES:
            pieces = split(text, patterns)
            assert "".join(pieces) == text and "¦" not in text
            lines.append(name + "\t" + "¦".join(escape(p) for p in pieces))
    (OUT / "split_golden.txt").write_text("\n".join(lines) + "\n", "utf8")


# Characters of Unicode 15 and 16, which the programs of older systems do not know.
NEW_CASES = [
    "I love it 🩷",
    "a 🫨",
    " good 🪿 morning",
    "x 🫸y🫷",
    "12🩵34 🫎!🫏 🪻",
    "\U0001fae9 tired \U0001fae6\U0001fadc\n\n🪉x",
    "𞓐𞓑𞓒 𞓰𞓱𞓲3",
    "\U00010d40\U00010d41 \U00010d4a\U00010d50\U00010d51",
    "\U00016100\U0001611d \U00016130\U00016131",
    "\U00031350\U000323af一\U0002ebf0",
    "\U00011f04\U00011f34\U00011f50 \U00011f43\U00011f45",
    "Ᲊᲊ ꟋꟌꟍ 'ᲊs",
]


def write_new_characters_golden():
    lines = []
    for name, patterns in split_presets().items():
        patterns = [p.replace(r"[\s\S]", "(?:.|\\n)") for p in patterns]
        steps = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(p), "isolated") for p in patterns])
        for text in NEW_CASES:
            pieces = [piece for piece, _ in steps.pre_tokenize_str(text)] if patterns else [text]
            row = {"preset": name, "text": text, "pieces": pieces}
            lines.append(json.dumps(row, ensure_ascii=False))
    (OUT / "new_characters.golden.jsonl").write_text("\n".join(lines) + "\n", "utf8")


def isolated(patterns, use_regex=False):
    steps = [pre_tokenizers.Split(Regex(p), "isolated") for p in patterns]
    return pre_tokenizers.Sequence(
        steps + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)]
    )


def make_tokenizer(name, pre_tokenizer, vocab_size, added, normalizer=None, bos=None):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        show_progress=False,
        special_tokens=[t.content for t in added if t.special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    text = (OUT / "training_text.txt").read_bytes().decode("utf8")
    tokenizer.train_from_iterator([text], trainer)
    tokenizer.add_tokens([t for t in added if not t.special])
    if bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos}:1 $B:1",
            special_tokens=[(bos, tokenizer.token_to_id(bos))])
    (OUT / f"{name}.tokenizer.json").write_text(tokenizer.to_str(), "utf8")
    lines = []
    for case in CASES + [text[:400], text[-400:]]:
        row = {"text": case, "ids": tokenizer.encode(case, add_special_tokens=False).ids}
        lines.append(json.dumps(row, ensure_ascii=False))
    framed = tokenizer.encode(CASES[0]).ids
    lines.append(json.dumps({"text": CASES[0], "framed": True, "ids": framed}, ensure_ascii=False))
    (OUT / f"{name}.ids.jsonl").write_text("\n".join(lines) + "\n", "utf8")


def main():
    write_split_golden()
    write_new_characters_golden()
    presets = split_presets()
    make_tokenizer("v3", isolated(presets["deepseek-v3"]), 700,
                   [AddedToken("<bos>", special=True), AddedToken("<eos>", special=True),
                    AddedToken("ü", special=False), AddedToken("<think>", special=False)],
                   bos="<bos>")
    make_tokenizer("gpt2", pre_tokenizers.ByteLevel(add_prefix_space=False), 600,
                   [AddedToken("<|endoftext|>", special=True)])
    make_tokenizer("qwen2", isolated(presets["qwen2"]), 650,
                   [AddedToken("<|im_end|>", special=True)], normalizer=normalizers.NFC())
    digits = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)])
    make_tokenizer("gpt2_digits", digits, 500, [AddedToken("<s>", special=True)])


if __name__ == "__main__":
    main()
