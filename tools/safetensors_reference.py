#!/usr/bin/env python3
"""Reference for the safetensors reader and writer, by the reference implementation.

    pip install "safetensors>=0.8"
    tools/safetensors_reference.py write tests/data/reference.safetensors   # makes the golden file
    tools/safetensors_reference.py read FILE                                # lists what it reads
"""
import ctypes
import struct
import sys

from safetensors import TensorSpec, deserialize, serialize_file


def tensors():
    """Every kind of case in 20 numbers: widths 1 to 8, rank 0 to 3, an empty tensor, an odd name."""
    floats = struct.pack("<6f", 0.0, -1.5, 3.25, float("inf"), 1e-45, -0.0)
    return {
        "model.weight": {"dtype": "float32", "shape": [2, 3], "data": floats},
        "model.scalar": {"dtype": "float32", "shape": [], "data": struct.pack("<f", 2.5)},
        "model.empty": {"dtype": "float32", "shape": [0, 4], "data": b""},
        "model.half": {"dtype": "bfloat16", "shape": [2], "data": struct.pack("<2H", 0x3F80, 0xC000)},
        "model.steps": {"dtype": "int64", "shape": [1, 2, 1], "data": struct.pack("<2q", -1, 1 << 40)},
        "model.mask": {"dtype": "bool", "shape": [3], "data": b"\x01\x00\x01"},
        "model.scaled": {"dtype": "float8_e4m3fn", "shape": [2, 2], "data": b"\x38\xb8\x7e\x01"},
        'näme "quoted"\n': {"dtype": "uint8", "shape": [1], "data": b"\x07"},
    }


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("read", "write"):
        sys.exit(__doc__)
    if sys.argv[1] == "write":
        specs, alive = {}, []
        for name, tensor in tensors().items():
            alive.append(ctypes.create_string_buffer(tensor["data"], len(tensor["data"])))
            specs[name] = TensorSpec(dtype=tensor["dtype"], shape=tensor["shape"],
                                     data_ptr=ctypes.addressof(alive[-1]), data_len=len(tensor["data"]))
        serialize_file(specs, sys.argv[2], {"format": "pt"})
        return
    with open(sys.argv[2], "rb") as file:
        for name, tensor in sorted(deserialize(file.read())):
            print(repr(name), tensor["dtype"], tensor["shape"], bytes(tensor["data"]).hex()[:64])


main()
