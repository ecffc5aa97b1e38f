#!/bin/bash
# gguf 0.19.0, the Python package of llama.cpp's project, on types that llama.cpp has.
# Guess: it decodes every type that it names, and opens every file that llama.cpp writes.
# Seen: it names Q1_0 (41) and does not decode it, cannot encode NVFP4 nor any K or IQ type, and a file with one tensor of
# Q2_0 (42, blocks of 64) cannot be opened at all: "42 is not a valid GGMLQuantizationType".
. "$(dirname "$0")/common.sh"
install gguf==0.19.0
run <<'PY'
import os, struct, tempfile
from importlib.metadata import version
import numpy as np
from gguf import GGMLQuantizationType as Type, GGUFReader, quants
print("gguf", version("gguf"))

def fails(what, kind, call):
    try:
        call()
    except kind as error:
        print(f"{what}: {kind.__name__}: {error}")
        return
    raise SystemExit(f"{what} works")

fails("decoding Q1_0", NotImplementedError, lambda: quants.dequantize(np.zeros((1, 18), np.uint8), Type.Q1_0))
for name in ["NVFP4", "Q4_K", "IQ4_NL", "IQ2_XXS"]:
    fails(f"encoding {name}", NotImplementedError, lambda: quants.quantize(np.zeros((1, 256), np.float32), Type[name]))

def file_with(kind, data):
    text = lambda s: struct.pack("<Q", len(s)) + s
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama")
    head += text(b"t") + struct.pack("<IQIQ", 1, 64, kind, 0)
    path = os.path.join(tempfile.mkdtemp(), "t.gguf")
    with open(path, "wb") as out:
        out.write(head + bytes(-len(head) % 32) + data + bytes(-len(data) % 32))
    return path

assert len(GGUFReader(file_with(Type.MXFP4, bytes(34))).tensors) == 1
fails("opening Q2_0", ValueError, lambda: GGUFReader(file_with(42, bytes(18))))
PY
