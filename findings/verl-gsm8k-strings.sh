#!/bin/bash
# verl 0.9.1: the scorer of data_source openai/gsm8k.
# Guess: numbers are compared, and the line "#### N" may stand anywhere.
# Seen: strings are compared after commas are taken out of the reply alone, so "72." and "72.00" are wrong for 72,
# a gold "1,000" can never be met, "$72" and "**72**" are no answer, and "#### 72" followed by more than 300
# characters is not seen.
. "$(dirname "$0")/common.sh"
install --no-deps verl==0.9.1
run <<'PY'
import glob, importlib.util, sys
from importlib.metadata import version
path = glob.glob(sys.prefix + "/lib/python3*/site-packages/verl/utils/reward_score/gsm8k.py")[0]
spec = importlib.util.spec_from_file_location("gsm8k", path)
gsm8k = importlib.util.module_from_spec(spec)
spec.loader.exec_module(gsm8k)
print("verl", version("verl"))
for reply, gold, seen in [
    ("#### 72", "72", 1), ("#### 1,000", "1000", 1), ("#### 72.", "72", 0), ("#### 72.00", "72", 0),
    ("#### 1,000", "1,000", 0), ("#### $72", "72", 0), ("#### **72**", "72", 0), ("####72", "72", 0),
    ("#### 72\n" + "So she sold 72 clips. " * 15, "72", 0),
]:
    score = gsm8k.compute_score(reply, gold)
    print(f"{reply[:30]!r:34} gold {gold!r:8} score {score}")
    assert score == seen
PY
