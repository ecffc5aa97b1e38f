#!/bin/bash
# minijinja 3.1.0 (the Jinja of several servers) beside jinja2 3.1.6 with transformers' own tojson filter, on the
# line with which ChatML-like templates print tools.
# Guess: the same text.
# Seen: minijinja's tojson writes <, >, & and ' as \u003c, \u003e, \u0026 and \u0027, so a tool whose description
# holds one of them gives the model another prompt.
. "$(dirname "$0")/common.sh"
install minijinja==3.1.0 jinja2==3.1.6
run <<'PY'
import json
from importlib.metadata import version
import jinja2, minijinja
print("minijinja", version("minijinja"), "jinja2", version("jinja2"))
template = "{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}"
tools = [{"name": "f", "description": "x < y & y > 'z' 中"}]
peer = jinja2.Environment()
peer.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
expected = peer.from_string(template).render(tools=tools)
seen = minijinja.Environment().render_str(template, tools=tools)
print("jinja2   ", expected.strip())
print("minijinja", seen.strip())
assert json.loads(expected) == json.loads(seen)
assert expected.strip().replace(" ", "") != seen.strip().replace(" ", "")
for letter in "<>&'": assert letter not in seen and f"\\u{ord(letter):04x}" in seen
PY
