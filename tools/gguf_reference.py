#!/usr/bin/env python3
"""Makes tests/data/reference.gguf and the seeds of fuzz/gguf_fuzz with the package that llama.cpp's
project publishes, so that our reader is held against files we did not write. Not part of the build:
pip install gguf numpy && tools/gguf_reference.py
"""
import pathlib

import gguf
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
SEEDS = ROOT / "fuzz/corpus/gguf_fuzz"
REFERENCE = ROOT / "tests/data/reference.gguf"


def byte_characters():
    """GPT-2's printable character of every byte."""
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = (b for b in range(256) if b not in kept)
    moved = {b: 0x100 + i for i, b in enumerate(others)}
    return [chr(moved.get(b, b)) for b in range(256)]


def add_every_kind(writer):
    writer.add_uint8("kind.u8", 255)
    writer.add_int8("kind.i8", -128)
    writer.add_uint16("kind.u16", 65535)
    writer.add_int16("kind.i16", -32768)
    writer.add_uint32("kind.u32", 4294967295)
    writer.add_int32("kind.i32", -2147483648)
    writer.add_uint64("kind.u64", 2**63 - 1)
    writer.add_int64("kind.i64", -(2**63))
    writer.add_float32("kind.f32", 0.5)
    writer.add_float64("kind.f64", 0.1)
    writer.add_bool("kind.bool", True)
    writer.add_string("kind.text", "weir \u6CB3")
    writer.add_array("kind.numbers", [1, -2, 3])
    writer.add_array("kind.floats", [0.25, -1.5])
    writer.add_array("kind.flags", [True, False])
    writer.add_array("kind.texts", ["", "a", "\u6CB3"])


def add_tensors(writer):
    """t.f32[i][j] = i - j / 4, the same as f16, and as q8_0 and q4_0 blocks."""
    values = np.arange(4, dtype=np.float32)[:, None] - np.arange(64, dtype=np.float32)[None] / 4
    writer.add_tensor("t.f32", values)
    writer.add_tensor("t.f16", values.astype(np.float16))
    for kind in (gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q4_0):
        writer.add_tensor(f"t.{kind.name.lower()}", gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.add_tensor("t.cube", np.arange(24, dtype=np.float32).reshape(2, 3, 4))


def add_tokenizer(writer, pre):
    special = ["<\uFF5Cbegin\u2581of\u2581sentence\uFF5C>", "<\uFF5Cend\u2581of\u2581sentence\uFF5C>"]
    tokens = byte_characters() + ["he", "ll", "hell", "\u0120hell"] + special + ["<think>", "[PAD263]"]
    kinds = [1] * 260 + [3, 3, 4, 5]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(["h e", "l l", "he ll", "\u0120 hell"])
    writer.add_bos_token_id(260)
    writer.add_eos_token_id(261)
    writer.add_add_bos_token(True)
    writer.add_chat_template("{{ messages[0].content }}")


def write(path, fill, architecture="deepseek2"):
    writer = gguf.GGUFWriter(str(path), architecture)
    fill(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(path.relative_to(ROOT), path.stat().st_size)


def all_of(writer):
    add_every_kind(writer)
    add_tokenizer(writer, "deepseek-v3")
    add_tensors(writer)


def main():
    SEEDS.mkdir(parents=True, exist_ok=True)
    write(REFERENCE, all_of)
    write(SEEDS / "every_kind.gguf", add_every_kind)
    write(SEEDS / "tensors.gguf", add_tensors)
    for pre in ("deepseek-llm", "qwen2", "llama-bpe", "kimi-k2"):
        write(SEEDS / f"tokenizer_{pre}.gguf", lambda writer, pre=pre: add_tokenizer(writer, pre))


if __name__ == "__main__":
    main()
