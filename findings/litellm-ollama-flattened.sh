#!/bin/bash
# litellm 1.110.2, completion(model="ollama/NAME"): a conversation for an Ollama server.
# Guess: it goes to /api/chat as messages, and the server puts it into the model's own chat template.
# Seen: it goes to /api/generate as one text with "### System:" and "### User:" lines, whatever the model; a server then
# takes that text for one message of the user. "ollama_chat/NAME" sends the messages.
. "$(dirname "$0")/common.sh"
install litellm==1.110.2
run <<'PY'
import json, os
from importlib.metadata import version
from json_server import serve
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm
print("litellm", version("litellm"))

url, seen = serve(lambda path: {"model": "m", "created_at": "2026-01-01T00:00:00Z", "response": "ok", "done": True, "done_reason": "stop",
                                "message": {"role": "assistant", "content": "ok"}, "prompt_eval_count": 1, "eval_count": 1})
messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hi."}]
for kind in ["ollama", "ollama_chat"]:
    seen.clear()
    litellm.completion(model=f"{kind}/m", api_base=url, messages=messages)
    path, body = [s for s in seen if s[0] != "/api/show"][-1]
    print(f"{kind:12} {path:14} {json.dumps(body.get('prompt', body.get('messages')))}")
    if kind == "ollama":
        assert path == "/api/generate" and body["prompt"] == "### System:\nBe brief.\n\n### User:\nSay hi.\n\n"
        assert not body.get("raw")
    else:
        assert path == "/api/chat" and [m["content"] for m in body["messages"]] == ["Be brief.", "Say hi."]
PY
