#!/usr/bin/env python3
"""Makes src/guard/fold_table.inc: what the guard's words are compared by.

apt-get install unicode-data && tools/make_fold_table.py [FOLDER of Unihan_*.txt.bz2]

Compatibility forms, case and diacritics are those of Python's unicodedata; simplified variants
(kSimplifiedVariant) and readings (kMandarin) are Unihan's (Unicode licence). Letters that look like
Latin ones are listed here.
"""
import bz2
import pathlib
import sys
import unicodedata

OUT = pathlib.Path(__file__).resolve().parent.parent / "src/guard/fold_table.inc"
FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/unicode")

# Cyrillic, Greek and Armenian letters, and others, beside the Latin letter they are drawn like.
LOOK_ALIKE = {}
for latin, others in {
    "a": "аɑα", "b": "ЬьВв", "c": "сϲⅽ", "d": "ԁɗ", "e": "еєҽε", "f": "ƒ", "g": "ɡց", "h": "һհНн",
    "i": "іıɩι", "j": "јϳ", "k": "кκ", "l": "ӏⅼ", "m": "мМ", "n": "ոη", "o": "оοօσ", "p": "рρ",
    "q": "ԛզ", "r": "гɾ", "s": "ѕʂ", "t": "тτ", "u": "ᴜսυ", "v": "ѵν", "w": "ԝωѡ", "x": "хχ",
    "y": "уүγ", "z": "ᴢʐζ",
}.items():
    for other in others:
        LOOK_ALIKE[other] = latin
        LOOK_ALIKE[other.upper()] = latin
for small, latin in zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz"):
    LOOK_ALIKE[small] = latin

HAN = [(0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x303F), (0x3040, 0x9FFF),
       (0xA960, 0xA97F), (0xAC00, 0xD7FF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)]


def unihan(name, field):
    with bz2.open(FOLDER / name, "rt", encoding="utf-8") as lines:
        for line in lines:
            parts = line.rstrip("\n").split("\t")
            if len(parts) == 3 and parts[1] == field:
                yield int(parts[0][2:], 16), parts[2]


def simplified():
    table = {}
    for code, value in unihan("Unihan_Variants.txt.bz2", "kSimplifiedVariant"):
        others = [int(v.split("<")[0][2:], 16) for v in value.split()]
        others = [v for v in others if v != code]
        if others:
            table[code] = others[0]
    for code in list(table):  # until nothing changes
        seen = {code}
        while table[code] in table and table[code] not in seen:
            seen.add(table[code])
            table[code] = table[table[code]]
    return {a: b for a, b in table.items() if a != b}


def plain(text):
    text = unicodedata.normalize("NFKC", text).casefold()
    text = unicodedata.normalize("NFD", text)
    text = "".join(c for c in text if unicodedata.category(c)[0] != "M")
    return unicodedata.normalize("NFC", text)


def kind_of(code):
    category = unicodedata.category(chr(code))
    if category[0] == "M" or category == "Cf" or code in (0x115F, 0x1160, 0x3164, 0xFFA0, 0x2800):
        return 0
    if category[0] not in "LN":
        return 1
    return 3 if any(a <= code <= b for a, b in HAN) else 2


def main():
    to_simplified = simplified()
    folds, kinds = {}, []
    for code in range(0x110000):
        kind = 1
        if not 0xD800 <= code <= 0xDFFF:
            c = chr(code)
            folded = plain(c)
            if len(folded) == 1:
                folded = LOOK_ALIKE.get(c, LOOK_ALIKE.get(folded, folded))
                folded = chr(to_simplified.get(ord(folded), ord(folded)))
            else:
                folded = LOOK_ALIKE.get(c, c)
            kind = kind_of(code)
            is_usual = code < 0x10000 or 0x1D400 <= code < 0x1D800 or 0x1F100 <= code < 0x1F200
            # English, Chinese and what looks like them; case of every script.
            to = ord(folded)
            is_usual &= to < 0x80 or 0x3000 <= to < 0xA000 or folded == c.lower()
            if folded != c and is_usual:
                # Not what is no word: a quotation mark stays one.
                if kind >= 2 or kind_of(ord(folded)) >= 2:
                    folds[code] = ord(folded)
                    kind = kind_of(ord(folded))
        if not kinds or kinds[-1][1] != kind:
            kinds.append([code, kind])
    letters = bytearray(b"." * (0xA000 - 0x4E00))
    for code, value in unihan("Unihan_Readings.txt.bz2", "kMandarin"):
        if 0x4E00 <= code < 0xA000:
            letters[code - 0x4E00] = ord(plain(value.split()[0])[0])
    lines = ["// Made by tools/make_fold_table.py from Unicode data; do not edit.",
             "constexpr FoldRun kFoldRuns[] = {  // from `code` on"]
    row = ""
    for code, kind in kinds:
        row += f"{{0x{code:X},{kind}}},"
        if len(row) > 84:
            lines.append("    " + row)
            row = ""
    lines += ["    " + row, "};",
              "constexpr FoldRange kFoldRanges[] = {  // code, folded, how many, distance"]
    ranges = []
    for code, folded in sorted(folds.items()):
        if ranges:
            first, to, count, step = ranges[-1]
            distance = code - first - (count - 1) * step
            if distance in (1, 2) and folded - to == code - first and (count == 1 or distance == step):
                ranges[-1] = (first, to, count + 1, distance)
                continue
        ranges.append((code, folded, 1, 1))
    row = ""
    for code, folded, count, step in ranges:
        row += f"{{0x{code:X},0x{folded:X},{count},{step}}},"
        if len(row) > 80:
            lines.append("    " + row)
            row = ""
    lines += ["    " + row, "};", "// The first letter of a Han character's reading, from U+4E00 on.",
              "constexpr char kReadings[] ="]
    text = letters.decode()
    lines += [f'    "{text[i:i + 88]}"' for i in range(0, len(text), 88)]
    lines[-1] += ";"
    OUT.write_text("\n".join(lines) + "\n")
    print(len(folds), "folds,", len(kinds), "runs")


main()
