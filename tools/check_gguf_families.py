#!/usr/bin/env python3
"""Small GGUF files of MiniCPM3 and DeepSeek-OCR, with the gguf package of llama.cpp's project as the other side.

    pip install gguf safetensors numpy
    tools/check_gguf_families.py build/weir

minicpm3: weir converts src/model/testdata/minicpm3_longrope; the package must find every tensor under the name that
its own map of MiniCPM3 gives, with the numbers of the folder, and both sets of factors of positions.
deepseek2-ocr: the package writes the text of src/model/testdata/deepseek_ocr2 as llama.cpp's converter does, rows of q
and k in HuggingFace's order; weir's logits must be the golden ones.
"""
import json
import os
import subprocess
import sys
import tempfile

import gguf
import numpy as np
from safetensors.numpy import load_file

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src/model/testdata")


def minicpm3(weir, folder):
    source, made = os.path.join(DATA, "minicpm3_longrope"), os.path.join(folder, "minicpm3.gguf")
    subprocess.run([weir, "convert", source, made], check=True, capture_output=True)
    tensors = {t.name: np.array(t.data) for t in gguf.GGUFReader(made).tensors}
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.MINICPM3, 2)
    with open(os.path.join(source, "config.json"), encoding="utf-8") as file:
        rope = json.load(file)["rope_parameters"]
    for kind in ("long", "short"):
        np.testing.assert_array_equal(tensors.pop(f"rope_factors_{kind}.weight"),
                                      np.float32(rope[f"{kind}_factor"]))
    for name, values in load_file(os.path.join(source, "model.safetensors")).items():
        if name == "lm_head.weight":
            continue
        found = tensors.pop(names.get_name(name, (".weight", ".bias")))
        np.testing.assert_array_equal(found.reshape(values.shape), values)
    assert not tensors, sorted(tensors)
    print("minicpm3: every tensor under gguf's own name, with the same numbers")


def ocr(weir, folder):
    source, made = os.path.join(DATA, "deepseek_ocr2"), os.path.join(folder, "ocr.gguf")
    with open(os.path.join(source, "config.json"), encoding="utf-8") as file:
        c = json.load(file)["text_config"]
    arch = gguf.MODEL_ARCH.DEEPSEEK2OCR
    w = gguf.GGUFWriter(made, gguf.MODEL_ARCH_NAMES[arch])
    heads, hidden = c["num_attention_heads"], c["hidden_size"]
    w.add_block_count(c["num_hidden_layers"])
    w.add_context_length(c["max_position_embeddings"])
    w.add_embedding_length(hidden)
    w.add_feed_forward_length(c["intermediate_size"])
    w.add_head_count(heads)
    w.add_head_count_kv(c.get("num_key_value_heads") or heads)
    w.add_key_length(hidden // heads)
    w.add_value_length(hidden // heads)
    w.add_rope_dimension_count(hidden // heads)
    w.add_rope_freq_base((c.get("rope_parameters") or {}).get("rope_theta") or c.get("rope_theta") or 10000.0)
    w.add_layer_norm_rms_eps(c["rms_norm_eps"])
    w.add_vocab_size(c["vocab_size"])
    w.add_leading_dense_block_count(1)
    w.add_expert_count(c["n_routed_experts"])
    w.add_expert_used_count(c["num_experts_per_tok"])
    w.add_expert_shared_count(c["n_shared_experts"])
    w.add_expert_feed_forward_length(c["moe_intermediate_size"])
    names = gguf.get_tensor_name_map(arch, c["num_hidden_layers"])
    experts = {}
    for name, values in load_file(os.path.join(source, "model.safetensors")).items():
        name = name.replace("model.language_model.", "model.").replace("language_model.", "")
        if not name.startswith(("lm_head.", "model.layers.", "model.embed_tokens.", "model.norm.")):
            continue
        values = values.astype(np.float32)
        if ".experts." in name:
            before, after = name.split(".experts.")
            number, rest = after.split(".", 1)
            experts.setdefault(f"{before}.experts.{rest}", {})[int(number)] = values
            continue
        w.add_tensor(names.get_name(name, (".weight", ".bias")), values)
    for name, each in experts.items():
        w.add_tensor(names.get_name(name, (".weight",)), np.stack([each[i] for i in range(len(each))]))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    golden, out = load_file(os.path.join(source, "golden.safetensors")), os.path.join(folder, "ocr.npy")
    tokens = ",".join(map(str, golden["tokens"].ravel()))
    subprocess.run([weir, "logits", made, "--tokens", tokens, "--out", out], check=True, capture_output=True)
    logits = golden["logits"].reshape(len(golden["tokens"].ravel()), -1)
    apart = abs(np.load(out) - logits).max() / abs(logits).max()
    print(f"deepseek2-ocr: {apart:.1e} apart")
    assert apart < 2e-5


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        minicpm3(sys.argv[1], folder)
        ocr(sys.argv[1], folder)


main()
