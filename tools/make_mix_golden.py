#!/usr/bin/env python3
"""Makes src/convert/testdata/mixes.txt: which type llama.cpp's quantizer gives every tensor of small random
models, for every mix that weir has.

    pip install llama-cpp-py-sync==0.11739      # or any package with libllama.so
    tools/make_mix_golden.py build/weir LIBLLAMA.so

weir writes each model as f16, and llama_model_quantize says in a dry run which type it would give each tensor,
without and with an importance matrix (one that names no tensor changes the choice too). The file has a line "model
NAME CONFIG" for each model and under it "MIX KIND TYPE:COUNT,..." for each kind of tensor, in the order of the
layers; "MIX+importance" where importance makes a difference. What stays F32 is left out.
"""
import ctypes
import json
import pathlib
import re
import subprocess
import sys
import tempfile

OUT = pathlib.Path(__file__).resolve().parent.parent / "src/convert/testdata/mixes.txt"
# Names of weir, numbers of llama.cpp's file types.
MIXES = {"q8_0": 7, "q6_k": 18, "q5_k_m": 17, "q5_k_s": 16, "q5_1": 9, "q5_0": 8, "q4_k_m": 15, "q4_k_s": 14, "q4_1": 3,
         "q4_0": 2, "iq4_nl": 25, "iq4_xs": 30, "q3_k_l": 13, "q3_k_m": 12, "q3_k_s": 11, "q2_k": 10}

BASE = dict(vocab_size=512, hidden_size=256, intermediate_size=256, max_position_embeddings=64, bos_token_id=0,
            eos_token_id=1)
LATENT = dict(BASE, num_attention_heads=2, kv_lora_rank=256, qk_nope_head_dim=32, qk_rope_head_dim=32, v_head_dim=64,
              n_shared_experts=1, num_experts_per_tok=2, moe_intermediate_size=256, first_k_dense_replace=1,
              n_group=1, topk_group=1)


def dense(model_type, layers, heads, kv_heads, **more):
    return dict(BASE, model_type=model_type, num_hidden_layers=layers, num_attention_heads=heads,
                num_key_value_heads=kv_heads, head_dim=256 // heads, **more)


MODELS = {
    "llama-2": dense("llama", 2, 4, 4),
    "llama-7": dense("llama", 7, 4, 4),
    "llama-16": dense("llama", 16, 4, 2),
    "llama-33": dense("llama", 33, 8, 1),
    "llama-80": dense("llama", 80, 8, 1),
    "llama-80-full": dense("llama", 80, 2, 2),
    "qwen2-80": dense("qwen2", 80, 2, 1),
    "qwen2-24-narrow": dense("qwen2", 24, 4, 1, hidden_size=224, intermediate_size=480),
    "llama-9-tied": dense("llama", 9, 4, 4, tie_word_embeddings=True),
    "qwen2-10-tied-narrow": dense("qwen2", 10, 4, 2, hidden_size=224, tie_word_embeddings=True),
    "qwen3-12": dense("qwen3", 12, 4, 2),
    "qwen3_moe-9-of-8": dense("qwen3_moe", 9, 4, 1, num_experts=8, num_experts_per_tok=2, moe_intermediate_size=256),
    "qwen3_moe-17-of-4": dense("qwen3_moe", 17, 4, 2, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=96),
    "deepseek-9-of-8": dense("deepseek", 9, 4, 4, n_routed_experts=8, num_experts_per_tok=2, n_shared_experts=1,
                             moe_intermediate_size=256, first_k_dense_replace=1),
    "deepseek_v2-27": dict(LATENT, model_type="deepseek_v2", num_hidden_layers=27, q_lora_rank=None,
                           n_routed_experts=4, moe_intermediate_size=96),
    "deepseek_v3-10-of-8": dict(LATENT, model_type="deepseek_v3", num_hidden_layers=10, q_lora_rank=256,
                                n_routed_experts=8, num_nextn_predict_layers=0),
    "deepseek_v3-18-mtp": dict(LATENT, model_type="deepseek_v3", num_hidden_layers=18, q_lora_rank=256,
                               n_routed_experts=4, first_k_dense_replace=3, num_nextn_predict_layers=1),
    "deepseek_v32-8": dict(LATENT, model_type="deepseek_v32", num_hidden_layers=8, q_lora_rank=256, n_routed_experts=4,
                           index_n_heads=4, index_head_dim=64, index_topk=16, num_nextn_predict_layers=0),
}


class Params(ctypes.Structure):
    """llama_model_quantize_params of llama.h, with room for members that newer ones append."""
    _fields_ = [("nthread", ctypes.c_int32), ("ftype", ctypes.c_int), ("output_type", ctypes.c_int),
                ("embedding_type", ctypes.c_int), ("allow_requantize", ctypes.c_bool), ("quantize_output", ctypes.c_bool),
                ("only_copy", ctypes.c_bool), ("pure", ctypes.c_bool), ("keep_split", ctypes.c_bool),
                ("dry_run", ctypes.c_bool), ("imatrix", ctypes.c_void_p), ("rest", ctypes.c_byte * 64)]


class ImportanceEntry(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("data", ctypes.POINTER(ctypes.c_float)), ("size", ctypes.c_size_t)]


def quantizer(path):
    for name in ("libggml-base.so.0", "libggml-cpu.so.0", "libggml.so.0"):
        if (pathlib.Path(path).parent / name).exists():
            ctypes.CDLL(str(pathlib.Path(path).parent / name), mode=ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(path)
    log = []
    logger = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(
        lambda level, text, data: log.append(text.decode()))
    library.llama_log_set(logger, None)
    library.llama_backend_init()
    library.llama_model_quantize_default_params.restype = Params
    one = (ctypes.c_float * 1)(1.0)
    entries = (ImportanceEntry * 2)(ImportanceEntry(b"no.tensor", one, 1), ImportanceEntry(None, None, 0))

    def quantize(source, file_type, weighed):
        """What is logged about every tensor."""
        params = library.llama_model_quantize_default_params()
        params.nthread, params.ftype, params.dry_run = 1, file_type, True
        if weighed:
            params.imatrix = ctypes.cast(entries, ctypes.c_void_p)
        log.clear()
        if library.llama_model_quantize(source.encode(), b"/dev/null", ctypes.byref(params)) != 0:
            raise RuntimeError("".join(log[-3:]))
        return "".join(log)
    quantize.keeps = (library, logger, one, entries)
    return quantize


LINE = re.compile(r"^\[ *\d+/ *\d+\] (\S+) +- \[.*\], type = +(\w+), size = .*?(?:\((\w+)\))?$", re.MULTILINE)


def kinds_of(log):
    """Kind of tensor -> types in the order of the layers, F32 left out."""
    kinds = {}
    for name, old, new in LINE.findall(log):
        found = re.match(r"blk\.(\d+)\.(.+)", name)
        layer, kind = (int(found[1]), found[2]) if found else (-1, name)
        if (new or old) != "f32":
            kinds.setdefault(kind, []).append((layer, (new or old).lower()))
    return {kind: [name for _, name in sorted(types)] for kind, types in sorted(kinds.items())}


def runs(types):
    lengths = []
    for name in types:
        if lengths and lengths[-1][0] == name:
            lengths[-1][1] += 1
        else:
            lengths.append([name, 1])
    return ",".join(f"{name}:{count}" for name, count in lengths)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    quantize = quantizer(sys.argv[2])
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for name, config in MODELS.items():
            source = f"{folder}/source.gguf"
            pathlib.Path(f"{folder}/config.json").write_text(json.dumps(config))
            subprocess.run([sys.argv[1], "make-random", source, "--like", f"{folder}/config.json", "--type", "f16",
                            "--overwrite"], check=True, capture_output=True)
            lines.append(f"model {name} {json.dumps(config, separators=(',', ':'))}")
            for mix, file_type in MIXES.items():
                plain = None
                for weighed in (False, True):
                    try:
                        made = kinds_of(quantize(source, file_type, weighed))
                    except RuntimeError as error:
                        print(name, mix, error, file=sys.stderr)
                        continue
                    if made == plain:
                        continue
                    plain = made
                    label = mix + ("+importance" if weighed else "")
                    lines += [f"{label} {kind} {runs(types)}" for kind, types in made.items()]
            print(name, file=sys.stderr)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text("\n".join(lines) + "\n")


main()
