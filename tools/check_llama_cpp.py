#!/usr/bin/env python3
"""Does llama.cpp load the GGUF files that weir writes, and give the same logits and token ids?

    pip install llama-cpp-python numpy
    tools/check_llama_cpp.py build/weir MODEL...

Every MODEL is a HuggingFace folder. It is converted to f32 GGUF, both programs compute the logits of the
tokens 1 to 40 (llama.cpp with an f32 cache), and the largest difference is told as a share of the largest
logit. Where the folder has a tokenizer, a text is tokenized by both.
"""
import os
import subprocess
import sys
import tempfile

import numpy
from llama_cpp import Llama

TOKENS = list(range(1, 41))
TEXT = "User: 12 plus 30, 7890 \u4f60\u597d\n  \u00dcbung macht's.\n"


def weir(program, *arguments, **options):
    return subprocess.run([program, *arguments], check=True, capture_output=True, **options).stdout


def check(program, model, folder):
    gguf, npy = os.path.join(folder, "model.gguf"), os.path.join(folder, "logits.npy")
    weir(program, "convert", model, gguf, "--overwrite")
    weir(program, "logits", model, "--tokens", ",".join(map(str, TOKENS)), "--out", npy)
    ours = numpy.load(npy)
    theirs = Llama(gguf, logits_all=True, n_ctx=64, n_batch=64, n_threads=1, type_k=0, type_v=0, verbose=False)
    theirs.eval(TOKENS)
    scores = numpy.array(theirs.scores[:len(TOKENS)])
    apart = abs(ours - scores).max() / abs(ours).max()
    agree = (ours.argmax(1) == scores.argmax(1)).all()
    good = apart < 1e-4 and agree
    told = ""
    if os.path.exists(os.path.join(model, "tokenizer.json")):
        ids = [int(i) for i in weir(program, "tokenize", gguf, "--ids", input=TEXT.encode()).split()]
        same = ids == theirs.tokenize(TEXT.encode(), add_bos=True, special=True)
        good, told = good and same, f", token ids {'the same' if same else 'NOT the same'}"
    print(f"{model}: {apart:.1e} apart, best tokens {'the same' if agree else 'NOT the same'}{told}")
    return good


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        results = [check(sys.argv[1], model, folder) for model in sys.argv[2:]]
    sys.exit(0 if all(results) else 1)


main()
