#!/usr/bin/env python3
"""Makes src/model/testdata/packed/: a small model whose weights compressed-tensors packed, each in another form.

    pip install torch transformers==5.24.0 compressed-tensors==0.20.1
    tools/make_packed_golden.py [FOLDER]

The files are committed; the tests need no Python. The weights are quantized and packed by compressed-tensors' own
compressors; `golden.safetensors` has the numbers that its dequantization makes of them with scales widened to f32
(with bf16 scales it rounds each product to bf16) and the logits of transformers with these numbers. ModelOpt's form of
NVFP4 holds the same codes; its second scale is the inverse of the global one.
"""
import json
import os
import sys

import torch
import transformers
from compressed_tensors.compressors.mxfp4 import MXFP4PackedCompressor
from compressed_tensors.compressors.naive_quantized import NaiveQuantizationCompressor
from compressed_tensors.compressors.nvfp4 import NVFP4PackedCompressor
from compressed_tensors.compressors.pack_quantized import PackedQuantizationCompressor
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from safetensors.torch import save_file

HIDDEN, INNER, VOCABULARY, TOKENS = 64, 96, 61, 40


def scheme(**weights):
    return QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**weights))


def amax(weight, group):
    rows, columns = weight.shape
    return weight.reshape(rows, columns // group, group).abs().amax(-1)


def integers(weight, bits, group, symmetric=True, dtype=torch.float32, order=None):
    """compressed-tensors' pack-quantized: whole numbers, groups of columns; `order`: the group of each column."""
    columns = weight.shape[1]
    group = group or columns
    if order is not None:
        weight = weight[:, order]
    grouped = weight.reshape(weight.shape[0], columns // group, group)
    if symmetric:
        scale, zero = (grouped.abs().amax(-1) / (2 ** (bits - 1) - 1)).to(dtype), None
    else:
        low, high = grouped.amin(-1).clamp(max=0), grouped.amax(-1).clamp(min=0)
        scale = ((high - low) / (2 ** bits - 1)).to(dtype)
        zero = (-low / scale.float() - 2 ** (bits - 1)).round().clamp(-2 ** (bits - 1), 2 ** (bits - 1) - 1).to(torch.int8)
    made = scheme(num_bits=bits, type="int", symmetric=symmetric,
                  **(dict(strategy="channel") if group == columns else dict(strategy="group", group_size=group)))
    state = dict(weight=weight, weight_scale=scale)
    if zero is not None:
        state["weight_zero_point"] = zero
    packed = PackedQuantizationCompressor.compress(state, made)
    wide = dict(packed, weight_scale=packed["weight_scale"].float())
    return packed, PackedQuantizationCompressor.decompress(wide, made)["weight"]


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "src/model/testdata/packed"
    os.makedirs(folder, exist_ok=True)
    torch.manual_seed(11)
    config = transformers.Qwen3Config(
        vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=INNER, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, max_position_embeddings=128, rope_theta=10000.0, tie_word_embeddings=True)
    config._attn_implementation = "eager"
    model = transformers.Qwen3ForCausalLM(config).float().eval()
    stored, numbers, kinds = {}, {}, {}
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            tensor.copy_(1 + 0.1 * torch.randn_like(tensor) if "norm" in name else 0.2 * torch.randn_like(tensor))
            if not name.endswith("_proj.weight"):
                stored[name] = tensor.clone()

    def put(name, kind, tensors, widened):
        stem = name[:-len("weight")]
        for key, value in tensors.items():
            stored[stem + key] = value.contiguous()
        numbers[name], kinds[name] = widened.float().contiguous(), kind

    def nvfp4(weight):
        world = 448 * 6 / weight.abs().max().reshape(1)
        scale = (amax(weight, 16) / 6 * world).to(torch.float8_e4m3fn).float()
        made = scheme(num_bits=4, type="float", strategy="tensor_group", group_size=16)
        packed = NVFP4PackedCompressor.compress(
            dict(weight=weight, weight_scale=scale, weight_global_scale=world), made)
        back = NVFP4PackedCompressor.decompress(packed, made)["weight"]
        codes = packed["weight_packed"]
        table = torch.tensor([0, .5, 1, 1.5, 2, 3, 4, 6, 0, -.5, -1, -1.5, -2, -3, -4, -6])
        values = table[torch.stack((codes & 15, codes >> 4), -1).reshape(weight.shape).long()]
        wide = values * (scale / world).repeat_interleave(16, 1)
        # The library's own numbers are bf16.
        assert (back.float() - wide).abs().max() < 0.02 * wide.abs().max()
        packed["weight_scale"] = scale.to(torch.float8_e4m3fn)
        return packed, wide, world, values, scale

    with torch.no_grad():
        at = dict(model.named_parameters())
        first, second = "model.layers.0.", "model.layers.1."
        name = first + "self_attn.q_proj.weight"
        put(name, "int4, groups of 32, bf16 scales", *integers(at[name], 4, 32, dtype=torch.bfloat16))
        name = first + "self_attn.k_proj.weight"
        put(name, "int4, groups of 16, zero points", *integers(at[name], 4, 16, symmetric=False))
        name = first + "self_attn.v_proj.weight"
        put(name, "int8, rows", *integers(at[name], 8, None, dtype=torch.float16))
        name = first + "self_attn.o_proj.weight"
        order = torch.randperm(HIDDEN)
        packed, wide = integers(at[name], 4, 16, order=order)
        groups = torch.empty(HIDDEN, dtype=torch.int32)
        groups[order] = torch.arange(HIDDEN, dtype=torch.int32) // 16
        back = torch.empty_like(wide)
        back[:, order] = wide  # the columns as the model has them
        codes = (wide / packed["weight_scale"].repeat_interleave(16, 1)).round().to(torch.int8)
        straight = torch.empty_like(codes)
        straight[:, order] = codes
        from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32
        packed["weight_packed"], packed["weight_g_idx"] = pack_to_int32(straight, 4), groups
        put(name, "int4, the group of each column", packed, back)

        name = first + "mlp.gate_proj.weight"
        packed, wide, _, _, _ = nvfp4(at[name])
        put(name, "nvfp4", packed, wide)
        name = first + "mlp.up_proj.weight"
        made = scheme(num_bits=4, type="float", strategy="group", group_size=32)
        scale = 2.0 ** torch.floor(torch.log2(amax(at[name], 32)) - 1)
        packed = MXFP4PackedCompressor.compress(dict(weight=at[name], weight_scale=scale), made)
        codes = packed["weight_packed"]
        table = torch.tensor([0, .5, 1, 1.5, 2, 3, 4, 6, 0, -.5, -1, -1.5, -2, -3, -4, -6])
        values = table[torch.stack((codes & 15, codes >> 4), -1).reshape(at[name].shape).long()]
        powers = 2.0 ** (packed["weight_scale"].view(torch.uint8).float() - 127)
        wide = values * powers.repeat_interleave(32, 1)
        back = MXFP4PackedCompressor.decompress(packed, made)["weight"].float()
        assert (back - wide).abs().max() < 0.02 * wide.abs().max(), (back - wide).abs().max()
        put(name, "mxfp4", packed, wide)
        name = first + "mlp.down_proj.weight"
        scale = (at[name].abs().amax(1, keepdim=True) / 127)
        made = scheme(num_bits=8, type="int", strategy="channel")
        packed = NaiveQuantizationCompressor.compress(dict(weight=at[name], weight_scale=scale), made)
        assert packed["weight"].dtype == torch.int8
        put(name, "int8, not packed", packed, NaiveQuantizationCompressor.decompress(packed, made)["weight"])

        for part, strategy in (("q", "tensor"), ("k", "channel")):
            name = second + f"self_attn.{part}_proj.weight"
            scale = at[name].abs().max().reshape(1) if strategy == "tensor" else at[name].abs().amax(1, keepdim=True)
            made = scheme(num_bits=8, type="float", strategy=strategy)
            packed = NaiveQuantizationCompressor.compress(dict(weight=at[name], weight_scale=scale / 448), made)
            assert packed["weight"].dtype == torch.float8_e4m3fn
            put(name, "fp8, " + strategy, packed, packed["weight"].float() * packed["weight_scale"])
        name = second + "self_attn.v_proj.weight"
        _, wide, world, values, scale = nvfp4(at[name])
        codes, _, _, _, _ = nvfp4(at[name])
        second_scale = (1 / world).reshape(())
        put(name, "nvfp4 as ModelOpt has it",
            dict(weight=codes["weight_packed"], weight_scale=scale.to(torch.float8_e4m3fn),
                 weight_scale_2=second_scale, input_scale=torch.tensor(1.0)),
            values * (scale * second_scale).repeat_interleave(16, 1))
        name = second + "mlp.gate_proj.weight"
        scale = torch.tensor(at[name].abs().max().item() / 448)
        fp8 = (at[name] / scale).to(torch.float8_e4m3fn)
        put(name, "fp8 as ModelOpt has it", dict(weight=fp8, weight_scale=scale), fp8.float() * scale)
        for name, tensor in at.items():
            if name.endswith("_proj.weight") and name not in numbers:
                stored[name], numbers[name] = tensor.clone(), tensor.clone()
        for name, tensor in at.items():
            if name in numbers:
                tensor.copy_(numbers[name])
        tokens = torch.randint(0, VOCABULARY, (1, TOKENS))
        logits = model(tokens).logits[0]
    config.save_pretrained(folder)
    path = os.path.join(folder, "config.json")
    with open(path) as f:
        text = json.load(f)
    text["architectures"] = ["Qwen3ForCausalLM"]
    text["quantization_config"] = dict(
        quant_method="compressed-tensors", format="mixed-precision", quantization_status="compressed", ignore=["lm_head"],
        config_groups=dict(group_0=dict(format="pack-quantized", targets=["Linear"],
                                        weights=dict(num_bits=4, type="int", strategy="group", group_size=32))))
    with open(path, "w") as f:
        json.dump(text, f, indent=2, sort_keys=True)
        f.write("\n")
    save_file(stored, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    save_file(dict({"number." + k: v for k, v in numbers.items() if k in kinds}, tokens=tokens[0],
                   logits=logits.contiguous()), os.path.join(folder, "golden.safetensors"))
    for name, kind in kinds.items():
        print(name, kind)
    print("largest logit", logits.abs().max().item())


if __name__ == "__main__":
    main()
