#!/usr/bin/env python3
"""Lets the official clients talk to `weir serve` over TLS with keys, and checks what they raise.

  python3 -m venv V && V/bin/pip install openai==3.57.0 anthropic==2.14.0
  V/bin/python tools/check_serve_safety.py build/weir MODEL

Checked with openai 3.57.0 and anthropic 2.14.0, which bring httpx2 2.16.2. MODEL is any chat model that
`weir serve` takes. The certificate is self-signed and given to the clients; needs openssl.
"""
import os
import re
import ssl
import subprocess
import sys
import tempfile

import anthropic
import httpx2
import openai

QUESTION = [{"role": "user", "content": "Say hello."}]


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def raised(kind, ask):
    try:
        ask()
    except kind as error:
        print(f"  {kind.__module__}.{kind.__name__} {error.status_code}: {str(error)[:110]}")
        return
    raise AssertionError(f"{kind.__name__} was not raised")


def main(weir, model):
    with tempfile.TemporaryDirectory() as folder:
        path = lambda name: os.path.join(folder, name)
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", path("key.pem"), "-out", path("cert.pem"), "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        os.chmod(path("key.pem"), 0o600)
        new_key = lambda name, *limits: run(weir, "key", "new", name, "--keys", path("keys.json"), *limits)
        key = new_key("free")
        few = new_key("few", "--requests-per-minute", "1")
        named = new_key("named", "--model", "another")
        log = open(path("log"), "w+")
        server = subprocess.Popen(
            [weir, "serve", model, "--port", "0", "--keys", path("keys.json"), "--tls-cert", path("cert.pem"),
             "--tls-key", path("key.pem")], stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            url = re.search(r"https://\S+", server.stdout.readline()).group(0)
            trust = ssl.create_default_context(cafile=path("cert.pem"))
            http = lambda: httpx2.Client(verify=trust)
            check_openai(url, http, key, few, named)
            check_anthropic(url, http, key, few, named)
            run(weir, "key", "revoke", "free", "--keys", path("keys.json"))
            raised(openai.AuthenticationError, lambda: ask_openai(openai_client(url, http, key)))
        finally:
            server.terminate()
            code = server.wait()
        assert code == 0, code
        log.seek(0)
        lines = log.read()
        assert all(secret.split("-")[2] not in lines for secret in (key, few, named)), "a secret in the log"
        print("all as expected")


def openai_client(url, http, key):
    return openai.OpenAI(base_url=url + "/v1", api_key=key, http_client=http(), max_retries=0)


def ask_openai(client, **more):
    return client.chat.completions.create(model="", messages=QUESTION, max_tokens=6, **more)


def check_openai(url, http, key, few, named):
    client = openai_client(url, http, key)
    whole = ask_openai(client, temperature=0).choices[0].message.content
    parts = [c.choices[0].delta.content or "" for c in ask_openai(client, temperature=0, stream=True) if c.choices]
    assert whole and whole == "".join(parts), (whole, parts)
    raised(openai.AuthenticationError, lambda: ask_openai(openai_client(url, http, "sk-nobody")))
    raised(openai.PermissionDeniedError, lambda: ask_openai(openai_client(url, http, named)))
    limited = openai_client(url, http, few).chat.completions.with_raw_response
    first = limited.create(model="", messages=QUESTION, max_tokens=2)
    assert first.headers["x-ratelimit-limit-requests"] == "1", first.headers
    raised(openai.RateLimitError, lambda: limited.create(model="", messages=QUESTION))


def check_anthropic(url, http, key, few, named):
    client = lambda **who: anthropic.Anthropic(base_url=url, http_client=http(), max_retries=0, **who)
    ask = lambda c: c.messages.create(model="claude-any", messages=QUESTION, max_tokens=6)
    assert ask(client(api_key=key)).content[0].text
    with client(auth_token=key).messages.stream(model="claude-any", messages=QUESTION, max_tokens=6) as stream:
        assert "".join(stream.text_stream)
    raised(anthropic.AuthenticationError, lambda: ask(client(api_key="sk-ant-nobody")))
    raised(anthropic.PermissionDeniedError, lambda: ask(client(api_key=named)))
    raised(anthropic.RateLimitError, lambda: ask(client(api_key=few)))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
