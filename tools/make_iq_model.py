#!/usr/bin/env python3
"""Puts the feed-forward down projections of a GGUF model into one of the IQ types, to try reading them
on a real model; with --twin also writes the same numbers, as PyPI's gguf package decodes them, in f32:

    tools/make_iq_model.py qwen2.5-coder-0.5b.gguf out.gguf --type iq3_s --twin twin.gguf

Needs gguf and torch. The quantizer takes the nearest point of the grid, with one scale a group tried;
llama.cpp's searches longer and knows importance, so its files are better than these.
"""
import argparse

import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader, GGUFWriter, GGUFValueType, quants

BLOCK = 256


def grid_of(name):
    kind = getattr(quants, name)
    kind.init_grid()
    return torch.tensor(kind.grid.reshape(kind.grid_shape), dtype=torch.float32)


def nearest(points, grid, pieces=1 << 15):
    """The number of the nearest row of `grid` for each row of `points`."""
    half = (grid * grid).sum(1) / 2
    return torch.cat([(part @ grid.T - half).argmax(1) for part in points.split(pieces)])


def halves(values):
    return values.numpy().astype("<f2").view(np.uint8).reshape(-1, 2)


def signs_with_parity(x):
    """Seven signs of every eight numbers, after the smallest was flipped where their number is odd."""
    groups = x.reshape(-1, 8)
    negative = groups < 0
    odd = negative.sum(1) % 2 == 1
    smallest = groups.abs().argmin(1)
    flip = torch.zeros_like(negative)
    flip[torch.arange(len(groups)), smallest] = odd
    negative = negative ^ flip
    weights = 2 ** torch.arange(7)
    return (negative[:, :7] * weights).sum(1).to(torch.int64), torch.where(flip, -groups.abs(), groups.abs())


def eight_signs(x):
    return ((x.reshape(-1, 8) < 0) * 2 ** torch.arange(8)).sum(1).to(torch.int64)


def scales_of(wanted, most):
    """The block's scale and whole numbers s up to `most` with scale * (2 s + 1) near `wanted` [blocks, groups]."""
    d = (wanted.amax(1) / (2 * most + 1)).half().float()
    inverse = torch.where(d > 0, 1 / d, torch.zeros_like(d))
    s = ((wanted * inverse[:, None] - 1) / 2).round().clamp(0, most).to(torch.int64)
    return d, s, d[:, None] * (2 * s + 1)


def encode_iq3_s(x):
    grid = grid_of("IQ3_S")
    d, s, step = scales_of(x.reshape(-1, 8, 32).abs().amax(2) / 14, 15)
    code = nearest((x.abs().reshape(-1, 8, 32) / step.clamp_min(1e-12)[..., None]).reshape(-1, 4), grid).reshape(-1, 64)
    high = ((code >> 8).reshape(-1, 8, 8) << torch.arange(8)).sum(2)
    pairs = s.reshape(-1, 4, 2)
    fields = [code & 255, high, eight_signs(x).reshape(-1, 32), pairs[..., 0] | pairs[..., 1] << 4]
    return np.concatenate([halves(d)] + [f.numpy().astype(np.uint8) for f in fields], axis=1)


def encode_iq2_xxs(x):
    grid = grid_of("IQ2_XXS")
    d8, s, step = scales_of(x.reshape(-1, 8, 32).abs().amax(2) / 40, 15)
    signs, sizes = signs_with_parity(x)
    code = nearest((sizes.reshape(-1, 8, 32) / step.clamp_min(1e-12)[..., None]).reshape(-1, 8), grid).reshape(-1, 8, 4)
    signs = signs.reshape(-1, 8, 4)
    rest = signs[..., 0] | signs[..., 1] << 7 | signs[..., 2] << 14 | signs[..., 3] << 21 | s << 28
    words = np.stack([(code << 8 * torch.arange(4)).sum(2).numpy(), rest.numpy()], axis=2).astype("<u4")
    return np.concatenate([halves(d8 * 8), words.reshape(len(words), -1).view(np.uint8)], axis=1)


def encode_iq1_s(x):
    grid = grid_of("IQ1_S")
    d, s, step = scales_of(x.reshape(-1, 8, 32).abs().amax(2) / 1.6, 7)
    scaled = x.reshape(-1, 8, 32) / step.clamp_min(1e-12)[..., None]
    best = None
    for sign in (0, 1):
        shift = -0.125 if sign else 0.125
        code = nearest((scaled - shift).reshape(-1, 8), grid)
        error = (grid[code].reshape(scaled.shape) + shift - scaled).square().sum(2)
        code = code.reshape(-1, 8, 4)
        if best is None:
            best = (error, code, torch.zeros_like(s))
        else:
            better = error < best[0]
            best = (torch.minimum(error, best[0]), torch.where(better[..., None], code, best[1]), better.to(torch.int64))
    _, code, below = best
    words = ((code >> 8) << 3 * torch.arange(4)).sum(2) | s << 12 | below << 15
    low = (code & 255).reshape(-1, 32).numpy().astype(np.uint8)
    return np.concatenate([halves(d), low, words.numpy().astype("<u2").view(np.uint8).reshape(len(low), -1)], axis=1)


ENCODERS = {"iq3_s": encode_iq3_s, "iq2_xxs": encode_iq2_xxs, "iq1_s": encode_iq1_s}


def numbers_of(tensor):
    return quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)


def copy_metadata(reader, writer):
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        kind, sub = field.types[0], field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=sub)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--type", choices=ENCODERS, required=True)
    parser.add_argument("--part", default="ffn_down.weight")
    parser.add_argument("--twin")
    options = parser.parse_args()
    reader = GGUFReader(options.source)
    architecture = reader.fields["general.architecture"].contents()
    writers = [GGUFWriter(path, architecture) for path in (options.target, options.twin) if path]
    for writer in writers:
        copy_metadata(reader, writer)
    kind = Type[options.type.upper()]
    for tensor in reader.tensors:
        if not tensor.name.endswith(options.part):
            for writer in writers:
                writer.add_tensor(tensor.name, np.array(tensor.data), raw_dtype=tensor.tensor_type)
            continue
        numbers = numbers_of(tensor)
        blocks = ENCODERS[options.type](torch.from_numpy(numbers.reshape(-1, BLOCK)))
        data = np.ascontiguousarray(blocks).reshape(numbers.shape[0], -1)
        decoded = quants.dequantize(data, kind).astype(np.float32)
        print(f"{tensor.name}: relative error {np.sqrt(((decoded - numbers) ** 2).sum() / (numbers**2).sum()):.3f}", flush=True)
        writers[0].add_tensor(tensor.name, data, raw_dtype=kind)
        if options.twin:
            writers[1].add_tensor(tensor.name, decoded, raw_dtype=Type.F32)
    for writer in writers:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


if __name__ == "__main__":
    main()
