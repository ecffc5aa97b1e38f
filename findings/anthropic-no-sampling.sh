#!/bin/bash
# anthropic 2.14.0, the official client, against a local server that speaks Anthropic's dialect.
# Guess: messages.create() takes temperature, top_p and top_k, as the API's documentation had them for years.
# Seen: it has none of them; temperature=0 is a TypeError before anything is sent. extra_body carries them.
. "$(dirname "$0")/common.sh"
install anthropic==2.14.0
run <<'PY'
import inspect, json
from importlib.metadata import version
from json_server import serve
import anthropic
print("anthropic", version("anthropic"))

url, seen = serve(lambda path: {"id": "msg_1", "type": "message", "role": "assistant", "model": "local",
                                "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn",
                                "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}})
client = anthropic.Anthropic(base_url=url, api_key="none", max_retries=0)
request = dict(model="local", max_tokens=5, messages=[{"role": "user", "content": "hello"}])
for name in ["temperature", "top_p", "top_k"]:
    assert name not in inspect.signature(client.messages.create).parameters
    assert name not in inspect.signature(client.messages.stream).parameters
    try:
        client.messages.create(**request, **{name: 1})
        raise SystemExit(f"{name} is taken")
    except TypeError as error:
        print(error)
assert not seen
client.messages.create(**request, extra_body={"temperature": 0, "top_k": 1})
print("extra_body sends", {key: seen[0][1][key] for key in ["temperature", "top_k"]})
assert seen[0][1]["temperature"] == 0 and seen[0][1]["top_k"] == 1
PY
