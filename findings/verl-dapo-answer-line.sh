#!/bin/bash
# verl 0.9.1: the scorer of math_dapo and aime* (DAPO's "Answer: N" line).
# Guess: Markdown around the word or the number, a full stop, and Chinese punctuation do not matter; 3 1/2 is 7/2.
# Seen: "**Answer:** 72", "Answer: 72." and the full-width colon are wrong (-1) for 72; all blanks are taken out, so
# "3 1/2" is right for 31/2 and wrong for 7/2; a later \boxed{} does not help once a line "Answer:" exists.
. "$(dirname "$0")/common.sh"
install --no-deps verl==0.9.1
run <<'PY'
import glob, importlib.util, sys
from importlib.metadata import version
path = glob.glob(sys.prefix + "/lib/python3*/site-packages/verl/utils/reward_score/math_dapo.py")[0]
spec = importlib.util.spec_from_file_location("math_dapo", path)
dapo = importlib.util.module_from_spec(spec)
spec.loader.exec_module(dapo)
print("verl", version("verl"))
for reply, gold, seen in [
    ("Answer: 72", "72", 1), (r"Answer: \boxed{72}", "72", 1), ("Answer: 5 meters", "5", 1),
    ("**Answer:** 72", "72", -1), ("**Answer: 72**", "72", -1), ("Answer: 72.", "72", -1),
    ("Answer\uff1a72", "72", -1), ("Answer: 3 1/2", "31/2", 1), ("Answer: 3 1/2", "7/2", -1),
    ("Answer: 72 apples", "72", -1), ("Answer: the value above\n\\boxed{72}", "72", -1),
]:
    score = dapo.compute_score(reply, gold)
    print(f"{reply!r:42} gold {gold!r:6} score {score['score']} read as {score['pred']!r}")
    assert score["score"] == seen
PY
