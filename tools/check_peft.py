#!/usr/bin/env python3
"""Compares an adapter under weir and under PEFT: the logits of one text.

    pip install torch transformers peft numpy
    tools/check_peft.py build/weir MODEL_FOLDER ADAPTER_FOLDER [TOKENS]

MODEL_FOLDER is a HuggingFace folder, ADAPTER_FOLDER one that either program wrote. Fails when the largest
difference exceeds 2e-4 of the largest logit, or when the adapter changes nothing.
"""
import os
import subprocess
import sys
import tempfile

import numpy
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


def main():
    weir, base, adapter = sys.argv[1:4]
    tokens = [int(t) for t in sys.argv[4].split(",")] if len(sys.argv) > 4 else list(range(1, 33))
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="eager").eval()
    ids = torch.tensor([tokens])
    with torch.no_grad():
        plain = model(ids).logits[0].numpy().copy()
        adapted = PeftModel.from_pretrained(model, adapter).eval()
        theirs = adapted(ids).logits[0].numpy()
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "logits.npy")
        subprocess.run([weir, "logits", base, "--adapter", adapter, "--exact", "--tokens",
                        ",".join(map(str, tokens)), "--out", out], check=True)
        ours = numpy.load(out)
    ours = ours[:, :theirs.shape[1]]
    scale = numpy.abs(theirs).max()
    change, apart = numpy.abs(theirs - plain).max() / scale, numpy.abs(theirs - ours).max() / scale
    print(f"the adapter changes logits by {change:.3g} of the largest; weir and PEFT differ by {apart:.3g}")
    if change < 1e-3 or apart > 2e-4:
        sys.exit("they differ")


if __name__ == "__main__":
    main()
