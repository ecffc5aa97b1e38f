#!/bin/bash
# lm_eval 0.4.13: how `gsm8k` and `gsm8k_cot` find the number of a reply.
# Guess: `strict-match` wants a form ("#### 72", "The answer is 72."), `flexible-extract` takes the last number; equal
# numbers are right.
# Seen: texts are compared. `flexible-extract` also takes two full stops or commas for the last number ("72, as shown ...") and the
# subtrahend of "80-8" for -8; "72.00" is wrong for 72. The pattern of gsm8k_cot ends in an unescaped full stop:
# "The answer is 72" without one is read as 7, and "The answer is 5" as nothing.
. "$(dirname "$0")/common.sh"
install lm_eval==0.4.13 "datasets==5.2.0"
run <<'PY'
import os
from importlib.metadata import version
import lm_eval, yaml
from lm_eval.api.metrics import exact_match_fn
from lm_eval.filters import build_filter_ensemble
print("lm_eval", version("lm_eval"))

class Loader(yaml.SafeLoader): pass
Loader.add_multi_constructor("!", lambda *_: None)

class Instance:
    def __init__(self, reply): self.resps, self.doc, self.filtered_resps = [reply], {}, {}

def graded(task, reply, gold):
    task = yaml.load(open(f"{os.path.dirname(lm_eval.__file__)}/tasks/gsm8k/{task}.yaml"), Loader)
    options = {k: v for k, v in task["metric_list"][0].items() if k.startswith(("ignore", "regexes"))}
    found = {}
    for one in task["filter_list"]:
        steps = [[step["function"], {k: v for k, v in step.items() if k != "function"}] for step in one["filter"]]
        instance = Instance(reply)
        build_filter_ensemble(one["name"], steps).apply([instance])
        number = instance.filtered_resps[one["name"]]
        found[one["name"]] = (number, bool(exact_match_fn(references=["#### " + gold], predictions=[number], **options)["exact_match"]))
    return found

seen = {}
for task, reply, gold in [
        ("gsm8k", "#### 72", "72"), ("gsm8k", "The answer is 72.", "72"), ("gsm8k", "#### $72", "72"), ("gsm8k", "#### **72**", "72"),
        ("gsm8k", "It is $72.00.", "72"), ("gsm8k", "It is 72, as shown ...", "72"), ("gsm8k", "It is 72 = 80-8", "72"),
        ("gsm8k-cot", "The answer is 72.", "72"), ("gsm8k-cot", "The answer is 72", "72"), ("gsm8k-cot", "The answer is 5", "5"),
        ("gsm8k-cot", "So the answer is 72.", "72")]:
    seen[task, reply] = found = graded(task, reply, gold)
    print(f"{task:9} {reply!r}: " + ", ".join(f"{k} {v[0]!r} {'right' if v[1] else 'wrong'}" for k, v in found.items()))
flexible = lambda reply: seen["gsm8k", reply]["flexible-extract"]
strict = lambda reply: seen["gsm8k-cot", reply]["strict-match"]
assert flexible("The answer is 72.")[1] and strict("The answer is 72.")[1]
assert not flexible("It is $72.00.")[1] and flexible("It is 72, as shown ...")[0] == "..." and flexible("It is 72 = 80-8")[0] == "-8"
assert not seen["gsm8k", "#### $72"]["strict-match"][1] and not seen["gsm8k", "#### **72**"]["strict-match"][1]
assert strict("The answer is 72") == ("7", False) and strict("The answer is 5") == ("[invalid]", False)
PY
