#!/usr/bin/env python3
"""Makes src/text/unicode_table.inc from Unicode 16.0 data, the version of HuggingFace tokenizers
0.21.2 to 0.23. Not part of the build; run it when the version changes:
pip install unicodedata2==16.0.0 fonttools==4.57.0 && tools/make_unicode_table.py
With --golden, and tokenizers==0.23.3 installed, it writes what tokenizers takes each class to be, which
the tests compare with the table (about six minutes).
"""
import pathlib
import sys
import textwrap

import fontTools.unicodedata as scripts
import unicodedata2

VERSION = "16.0.0"
OUT = pathlib.Path(__file__).resolve().parent.parent / "src/text/unicode_table.inc"


def ranges(members):
    """[(first, last)] of a sorted list of code points."""
    out = []
    for code in members:
        if out and out[-1][1] == code - 1:
            out[-1][1] = code
        else:
            out.append([code, code])
    return out


def classes():
    """Two dicts: general categories and scripts, each {name: code points}."""
    assert unicodedata2.unidata_version == VERSION
    source = pathlib.Path(scripts.Scripts.__file__).read_text("utf8")
    assert f"Scripts-{VERSION}.txt" in source
    by_category, by_script = {}, {}
    for code in range(0x110000):
        by_category.setdefault(unicodedata2.category(chr(code)), []).append(code)
        name = scripts.script_name(scripts.script(chr(code)))
        by_script.setdefault(name, []).append(code)
    for rest in (by_category, "Cn"), (by_script, "Unknown"):
        del rest[0][rest[1]]  # what no other class has
    return by_category, by_script


def entry(name, members):
    texts = []
    for first, last in ranges(members):
        texts.append(f"{first:X}" + (f"+{last - first:X}" if last > first else ""))
    lines = textwrap.wrap(" ".join(texts), 92)
    return [f'{{"{name}",'] + [f' "{line} "' for line in lines[:-1]] + [f' "{lines[-1]}"}},']


def write():
    by_category, by_script = classes()
    out = [
        f"// Unicode {VERSION}: general categories, then scripts. FIRST or FIRST+MORE in hexadecimal.",
        "// Made by tools/make_unicode_table.py from unicodedata2 and fonttools; do not edit.",
    ]
    for group in (by_category, by_script):
        out.append("{")
        for name in sorted(group):
            out += entry(name, group[name])
        out.append("},")
    OUT.write_text("\n".join(out) + "\n", "utf8")


# Some scripts; the others come from the same file.
GOLDEN_SCRIPTS = ["Han", "Hiragana", "Katakana", "Hangul", "Latin", "Greek", "Cyrillic", "Arabic"]


def checksum(members):
    """FNV-1a, 32 bits, over the code points."""
    value = 0x811C9DC5
    for code in members:
        value = ((value ^ code) * 0x01000193) & 0xFFFFFFFF
    return value


def write_golden():
    from tokenizers import Regex, __version__, pre_tokenizers

    codes = [code for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF]
    text = "".join(map(chr, codes))
    categories = [name for name in sorted(classes()[0]) if name != "Cs"]
    names = categories + ["Cn"] + list("LMNPSZ") + GOLDEN_SCRIPTS
    lines = [f"# Pattern, code points, checksum; tokenizers {__version__}, tools/make_unicode_table.py"]
    for pattern in [rf"\p{{{name}}}" for name in names] + [r"\s", r"\w", r"\d", r"(?i:[sk])"]:
        split = pre_tokenizers.Split(Regex(pattern), "removed")
        kept = bytearray(b"\1" * len(codes))
        for _, (begin, end) in split.pre_tokenize_str(text):
            kept[begin:end] = bytes(end - begin)
        members = [code for code, keep in zip(codes, kept) if keep]
        lines.append(f"{pattern}\t{len(members)}\t{checksum(members):08x}")
    (OUT.parent / "testdata/unicode_classes.golden.txt").write_text("\n".join(lines) + "\n", "utf8")


write_golden() if sys.argv[1:] == ["--golden"] else write()
