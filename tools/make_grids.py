#!/usr/bin/env python3
"""Prints the texts of src/kernels/quant/grids.cpp from PyPI's `gguf` package: which of the 3^8 (or
8^4) points are in each grid of the IQ types, a bit a point, in base64. Points are numbered with the
first coordinate as the lowest digit, and every grid lists its points in that order, which is checked
here. Not part of the build:  pip install gguf && tools/make_grids.py
"""
import base64

import numpy as np
from gguf import quants

for name in ["IQ1_S", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"]:
    grid = getattr(quants, name)
    grid.init_grid()
    levels = {float(value): digit for digit, value in enumerate(grid.grid_map)}
    digits = np.vectorize(lambda value: levels[float(value)])(grid.grid.reshape(grid.grid_shape))
    numbers = (digits * len(levels) ** np.arange(grid.grid_shape[1])).sum(1)
    assert (np.diff(numbers) > 0).all(), name
    bits = np.zeros(len(levels) ** grid.grid_shape[1], np.uint8)
    bits[numbers] = 1
    text = base64.b64encode(np.packbits(bits, bitorder="little").tobytes()).decode().rstrip("=")
    print(f"// {name}: {len(numbers)} of {len(bits)} points")
    for at in range(0, len(text), 90):
        print(f'    "{text[at:at + 90]}"')

signs = np.frombuffer(quants.IQ2_XXS.ksigns, np.uint8)
assert all(signs[i] == i | (i.bit_count() & 1) << 7 for i in range(128))
