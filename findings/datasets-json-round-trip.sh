#!/bin/bash
# datasets 5.2.0: a JSONL file loaded with load_dataset("json") and written again with to_json, as people do to
# filter or shuffle rows.
# Guess: answers come back as they were.
# Seen: strings that look like dates become milliseconds since 1970; a column with one integer beyond 64 bits
# becomes floats that are written with ten digits, the small integers of the column with ".0".
. "$(dirname "$0")/common.sh"
install datasets==5.2.0
run <<'PY'
import json
from importlib.metadata import version
import datasets
datasets.disable_progress_bars()
print("datasets", version("datasets"))
def round_trip(answers):
    with open("in.jsonl", "w") as f:
        f.writelines(json.dumps({"question": "q", "answer": a}) + "\n" for a in answers)
    rows = datasets.load_dataset("json", data_files="in.jsonl", split="train", cache_dir=f"cache{hash(str(answers))}")
    rows.to_json("out.jsonl")
    return [line.split('"answer":')[1].rstrip("}\n") for line in open("out.jsonl")]
for answers, seen in [
    (["2024-01-05", "2024-01-06"], ["1704412800000", "1704499200000"]),
    ([3, 2361183241434822606848], ["3.0", "2.361183241e+21"]),
    (["5", "x"], ['"5"', '"x"']),
]:
    got = round_trip(answers)
    print(answers, "->", got)
    assert got == seen
PY
