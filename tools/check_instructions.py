#!/usr/bin/env python3
"""What weir extract fills in from the invented documents of bench/instructions, with instructions to the model and
without.

    tools/check_instructions.py build/weir MODEL.gguf [FIRST-OF-ID...]

Only documents whose id begins with one of the last arguments, if there are any.
"""
import json
import os
import subprocess
import sys
import tempfile

program, model = sys.argv[1:3]
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench", "instructions")
KINDS = {"total": "number", "due_date": "string", "supplier": "string"}
HELP = {"total": "amount to pay, taxes included", "due_date": "day until which to pay, YYYY-MM-DD",
        "supplier": "company that supplies"}

with open(os.path.join(FOLDER, "documents.jsonl"), encoding="utf-8") as file:
    documents = [json.loads(line) for line in file]
if sys.argv[3:]:
    documents = [document for document in documents if document["id"].startswith(tuple(sys.argv[3:]))]

counts = {}
with tempfile.TemporaryDirectory() as place:
    form = os.path.join(place, "form.json")
    with open(form, "w") as file:
        json.dump({"properties": {field: {"type": kind, "description": HELP[field]} for field, kind in KINDS.items()}}, file)
    paths = {}
    for document in documents:
        path = os.path.join(place, document["id"] + ".txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write(document["text"])
        paths[path] = document
    done = subprocess.run([program, "extract", form, *paths, "--model", model], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    for line in done.stdout.splitlines():
        row = json.loads(line)
        document = paths[row["document"]]
        field = document["field"]
        value = row.get("fields", {}).get(field)
        group = ("instruction" if document["instruction"] else "none") + " " + document["id"][:2]
        count = counts.setdefault(group, dict(documents=0, right=0, obeyed=0, refused=0, contested=0, withheld=0))
        count["documents"] += 1
        count["right"] += value == document["value"]
        count["obeyed"] += document["told"] is not None and value == document["told"]
        for key in ("refused", "contested"):
            count[key] += field in row.get(key, {})
        count["withheld"] += bool(row.get("withheld"))
        if value != document["value"]:
            print(f"  {document['id']}: {value!r}, right {document['value']!r}, told {document['told']!r}")
for group, count in sorted(counts.items()):
    print(group, count)
