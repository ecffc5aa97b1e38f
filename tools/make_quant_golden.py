#!/usr/bin/env python3
"""Makes src/kernels/testdata/quant_blocks.bin: blocks of every quantized type that PyPI's `gguf`
package, which shares no code with weir, knows, and the numbers that it decodes them to; and
quant_narrow.bin beside it: quant_input.f32 in the types that weir writes with the reference's bytes.
Not part of the build; run it when a type is added:  pip install gguf && tools/make_quant_golden.py

The files are sequences of records: name of the type (8 bytes, padded with NUL), number of blocks
(u32), the blocks, in the first file their numbers (f32). Everything is little-endian.

With --check FILE it compares instead `gguf` with a JSON file of blocks and numbers in hexadecimal
({"Q4_0": {"blk": "...", "deq": "..."}, ...}), such as one written by another decoder.
"""
import argparse
import json
import pathlib
import struct

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGML_QUANT_SIZES, quants

DATA = pathlib.Path(__file__).resolve().parent.parent / "src/kernels/testdata"

# Where the halves of a block are; its other bytes may be anything.
HALVES = {
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q8_0": [0],
    "Q2_K": [80, 82],
    "Q3_K": [108],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
    "IQ4_NL": [0],
    "IQ4_XS": [0],
    "IQ1_S": [0],
    "IQ1_M": [],
    "IQ2_XXS": [0],
    "IQ2_XS": [0],
    "IQ2_S": [0],
    "IQ3_XXS": [0],
    "IQ3_S": [0],
    "TQ1_0": [52],
    "TQ2_0": [64],
    "MXFP4": [],
    "NVFP4": [],
}
ENCODED = ["MXFP4", "TQ1_0", "TQ2_0"]

# One, the smallest subnormals of both signs, the largest numbers, zeros, infinity and not a number.
EDGE_SCALES = [0x3C00, 0x0001, 0x8001, 0x7BFF, 0xFBFF, 0x0000, 0x8000, 0x7C00, 0x7E00]


def decode(name, blocks):
    with np.errstate(all="ignore"):
        return quants.dequantize(blocks.reshape(-1), Type[name]).astype("<f4")


# Scales of one byte, likewise.
EDGE_BYTES = [0x7F, 0x00, 0x01, 0x02, 0xFE, 0xFF, 0x80, 0x07, 0x08]


def with_halves(block, name, halves):
    if name == "IQ1_M":  # four bits of the half in the top of each of four words
        for i in range(4):
            block[49 + 2 * i] = block[49 + 2 * i] & 15 | (int(halves[0]) >> 4 * i & 15) << 4
    if name in ("MXFP4", "NVFP4") and halves[0] in EDGE_SCALES:
        at = EDGE_SCALES.index(halves[0])
        for i in range(1 if name == "MXFP4" else 4):
            block[i] = EDGE_BYTES[(at + i) % len(EDGE_BYTES)]
    for place, half in zip(HALVES[name], halves):
        block[place : place + 2] = np.frombuffer(struct.pack("<H", half), np.uint8)
    return block


def make_blocks(name, random):
    size = GGML_QUANT_SIZES[Type[name]][1]
    blocks = []
    for _ in range(5):  # scales from 2^-10 to 2^2, of both signs
        halves = random.integers(0x1400, 0x4400, 2) | random.integers(0, 2, 2) << 15
        blocks.append(with_halves(random.integers(0, 256, size, np.uint8), name, halves))
    for half in EDGE_SCALES:
        blocks.append(with_halves(random.integers(0, 256, size, np.uint8), name, [half, half]))
    blocks.append(with_halves(np.full(size, 255, np.uint8), name, [0x3555, 0xB555]))
    blocks.append(with_halves(np.zeros(size, np.uint8), name, [0x3555, 0xB555]))
    return np.stack(blocks)


def header(name, blocks):
    return name.lower().encode().ljust(8, b"\0") + struct.pack("<I", blocks)


def make():
    random = np.random.default_rng(4)
    with open(DATA / "quant_blocks.bin", "wb") as out:
        for name in HALVES:
            blocks = make_blocks(name, random)
            out.write(header(name, len(blocks)))
            out.write(blocks.tobytes() + decode(name, blocks).tobytes())
    numbers = np.fromfile(DATA / "quant_input.f32", "<f4")
    with open(DATA / "quant_narrow.bin", "wb") as out:
        for name in ENCODED:
            encoded = quants.quantize(numbers.reshape(1, -1), Type[name])
            out.write(header(name, encoded.size // GGML_QUANT_SIZES[Type[name]][1]))
            out.write(encoded.tobytes())


def check(path):
    for name, record in json.loads(pathlib.Path(path).read_text()).items():
        if name not in HALVES:
            continue
        blocks = np.frombuffer(bytes.fromhex(record["blk"]), np.uint8)
        same = decode(name, blocks).tobytes() == bytes.fromhex(record["deq"])
        print(f"{name}: {'same' if same else 'DIFFERENT'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", metavar="FILE")
    arguments = parser.parse_args()
    if arguments.check:
        check(arguments.check)
    else:
        make()
