#!/bin/bash
# Sourced by every script here: a temporary folder that is removed at the end, and `install PACKAGE...`
# (pip options as they come) into a virtual environment there; `run` gives standard input to its Python, which can import
# `serve` from json_server: a local server that answers every POST with the JSON of reply(path), and what it was sent.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
install() { "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$@" 2>"$work/pip.log" || { cat "$work/pip.log" >&2; exit 1; }; }
run() { (cd "$work" && HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error "$work/venv/bin/python" -W ignore - "$@"); }
cat > "$work/json_server.py" <<'PY'
import json, threading
from http.server import BaseHTTPRequestHandler, HTTPServer

def serve(reply):
    """Returns its address and a list that grows: (path, JSON of the body)."""
    seen = []
    class Server(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            body = json.dumps(reply(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        def log_message(self, *_): pass
    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}", seen

def chat_completion(message, reason="tool_calls"):
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
PY
