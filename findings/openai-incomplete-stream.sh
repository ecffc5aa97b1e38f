#!/bin/bash
# openai 3.57.0, client.responses.stream(): a reply that max_output_tokens cuts, streamed as OpenAI's documentation has it:
# the last event is response.incomplete, which holds the whole response.
# Guess: get_final_response() returns that response, as create() does without a stream.
# Seen: RuntimeError "Didn't receive a `response.completed` event."; the response is in the last event alone.
. "$(dirname "$0")/common.sh"
install openai==3.57.0
run <<'PY'
import json, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
import openai
print("openai", version("openai"))

def response(status, output):
    return {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": status, "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "output": output, "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}

part = {"type": "output_text", "text": "one two", "annotations": [], "logprobs": []}
item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "incomplete", "content": [part]}
place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}

def events(last):
    return [
        {"type": "response.created", "response": response("in_progress", [])},
        {"type": "response.output_item.added", "output_index": 0, "item": item | {"status": "in_progress", "content": []}},
        {"type": "response.content_part.added", **place, "part": part | {"text": ""}},
        {"type": "response.output_text.delta", **place, "delta": "one two", "logprobs": []},
        {"type": "response.output_text.done", **place, "text": "one two", "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": f"response.{last}", "response": response(last, [item])},
    ]

class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for number, event in enumerate(events(asked["input"])):
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event | {'sequence_number': number})}\n\n".encode())
    def log_message(self, *_): pass

server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_port}", api_key="none", max_retries=0)
for last in ["completed", "incomplete"]:
    with client.responses.stream(model="m", input=last, max_output_tokens=2) as stream:
        seen = list(stream)
        try:
            result = repr(stream.get_final_response().output_text)
        except RuntimeError as error:
            result = f"RuntimeError: {error}"
    print(f"{last:10} last event: {seen[-1].type:20} get_final_response(): {result}")
    assert seen[-1].type == f"response.{last}" and seen[-1].response.output_text == "one two"
    assert result == "'one two'" if last == "completed" else result.startswith("RuntimeError")
PY
