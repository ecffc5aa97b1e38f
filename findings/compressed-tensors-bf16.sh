#!/bin/bash
# compressed-tensors 0.20.1: the numbers that its compressors give back.
# Guess: decompress() gives code times scale, so that two programs that read one file have the same weights.
# Seen: pack-quantized multiplies in the type of the scales: with bf16 scales (as Kimi-K2's INT4 files have them) each
# weight is rounded to bf16, though 4 bits times 8 bits need 12; a fifth of the weights differ from the exact product.
# nvfp4-pack-quantized unpacks to bf16 whatever the scales are, and rounds scale / global scale on the way.
. "$(dirname "$0")/common.sh"
install torch==2.15.0 compressed-tensors==0.20.1
run <<'PY'
import compressed_tensors, torch
from compressed_tensors.compressors.nvfp4 import NVFP4PackedCompressor
from compressed_tensors.compressors.pack_quantized import PackedQuantizationCompressor
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
print("compressed-tensors", compressed_tensors.__version__)
torch.manual_seed(1)
weight = torch.randn(64, 64)
scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(
    num_bits=4, type="int", symmetric=True, strategy="group", group_size=32))
scale = (weight.reshape(64, 2, 32).abs().amax(-1) / 7).bfloat16()
packed = PackedQuantizationCompressor.compress(dict(weight=weight, weight_scale=scale), scheme)
back = PackedQuantizationCompressor.decompress(packed, scheme)["weight"]
exact = PackedQuantizationCompressor.decompress(dict(packed, weight_scale=scale.float()), scheme)["weight"]
differ = (back.float() != exact).float().mean().item()
print(f"pack-quantized: {back.dtype}, {differ:.0%} of the weights are not code times scale")
assert back.dtype == torch.bfloat16 and differ > 0.1
scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(
    num_bits=4, type="float", symmetric=True, strategy="tensor_group", group_size=16))
world = 448 * 6 / weight.abs().max().reshape(1)
scale = (weight.reshape(64, 4, 16).abs().amax(-1) / 6 * world).to(torch.float8_e4m3fn).float()
packed = NVFP4PackedCompressor.compress(dict(weight=weight, weight_scale=scale, weight_global_scale=world), scheme)
back = NVFP4PackedCompressor.decompress(packed, scheme)["weight"]
codes = packed["weight_packed"]
table = torch.tensor([0, .5, 1, 1.5, 2, 3, 4, 6, 0, -.5, -1, -1.5, -2, -3, -4, -6])
exact = table[torch.stack((codes & 15, codes >> 4), -1).reshape(weight.shape).long()] * (scale / world).repeat_interleave(16, 1)
differ = (back.float() != exact).float().mean().item()
print(f"nvfp4-pack-quantized: {back.dtype}, {differ:.0%} of the weights are not code times scale over global scale")
assert differ > 0.1
PY
