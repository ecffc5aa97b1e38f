#!/usr/bin/env python3
"""Does transformers build the same models from the configurations that weir writes?

    pip install transformers torch
    tools/check_configs.py build/src/cli/weir NAME...

For every preset: writes `weir inspect NAME --config`, builds the model from it without memory for its
weights, and compares parameter counts and the scale of the softmax; then saves the configuration with
transformers and has weir read that.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from transformers import AutoConfig, AutoModelForCausalLM


def weir(program, *arguments):
    return subprocess.run([program, "inspect", *arguments], check=True, capture_output=True,
                          text=True).stdout


def check(program, name, folder):
    (folder / "config.json").write_text(weir(program, name, "--config"))
    counted = json.loads(weir(program, name, "--json"))["parameters"]["total"]
    config = AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    built = sum(p.numel() for p in model.parameters())
    built += sum(b.numel() for n, b in model.named_buffers() if n.endswith(("e_score_correction_bias", "tid2eid")))
    saved = folder / "saved"
    config.save_pretrained(saved)
    same = json.loads(weir(program, str(saved / "config.json"), "--config")) == json.loads(
        (folder / "config.json").read_text())
    scale = model.model.layers[0].self_attn.scaling
    print(f"{name}: {counted} here, {built} there, softmax scale {scale:.9f}, "
          f"{'same' if same else 'NOT the same'} after a round trip")
    return counted == built and same


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    good = True
    for name in sys.argv[2:]:
        with tempfile.TemporaryDirectory() as folder:
            good = check(sys.argv[1], name, pathlib.Path(folder)) and good
    sys.exit(0 if good else 1)


main()
