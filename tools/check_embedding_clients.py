#!/usr/bin/env python3
"""Embeddings as the official clients see them, against a running server with all-MiniLM-L6-v2 and a model that writes.

    weir serve all-MiniLM-L6-v2 smollm2-135m-instruct-q4_1.gguf --port 8080 &
    tools/check_embedding_clients.py http://localhost:8080 all-MiniLM-L6-v2 smollm2-135m-instruct-q4_1

Needs `pip install openai ollama numpy`; with a folder as the fourth argument also sentence-transformers, which then has to
give the same vectors. Prints one line for each check; ends with an error when one fails.
"""
import json
import sys
import traceback
import urllib.request
from importlib.metadata import version

import numpy
import ollama
import openai

TEXTS = ["A river is tamed by digging its channel deep.", "深淘滩，低作堰。", "naïve café — 3.14", "x"]


def checks(url, model, writer, folder):
    client = openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0)
    local = ollama.Client(host=url)
    embed = lambda **more: client.embeddings.create(model=model, **more)
    vectors = lambda reply: numpy.array([row.embedding for row in reply.data], dtype=numpy.float32)
    plain = vectors(embed(input=TEXTS, encoding_format="float"))

    def openai_default_is_base64():
        assert (vectors(embed(input=TEXTS)) == plain).all()

    def lengths_are_one():
        assert abs(numpy.linalg.norm(plain, axis=1) - 1).max() < 1e-6

    def one_text_has_the_bits_it_has_in_a_list():
        for text, vector in zip(TEXTS, plain):
            assert (vectors(embed(input=text))[0] == vector).all()

    def dimensions():
        short = vectors(embed(input=TEXTS, dimensions=64))
        assert short.shape == (4, 64) and abs(numpy.linalg.norm(short, axis=1) - 1).max() < 1e-6

    def usage():
        used = embed(input=["x", "x"]).usage
        assert used.prompt_tokens == used.total_tokens == 6, used

    def too_long():
        try:
            embed(input=["a", "word " * 1000])
        except openai.BadRequestError as error:
            assert error.code == "context_length_exceeded" and "256" in error.message and "1002" in error.message, error
            return error.message
        raise AssertionError("accepted")

    def unknown_model():
        try:
            client.embeddings.create(model="text-embedding-3-small", input="a")
        except openai.NotFoundError as error:
            return error.message
        raise AssertionError("accepted")

    def chat_is_refused():
        try:
            client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}])
        except openai.BadRequestError as error:
            return error.message
        raise AssertionError("accepted")

    def listed():
        names = [m.id for m in client.models.list().data]
        assert model in names and writer in names, names
        return ", ".join(names)

    def ollama_embed():
        reply = local.embed(model=model, input=TEXTS)
        assert (numpy.array(reply.embeddings, dtype=numpy.float32) == plain).all()
        assert reply.prompt_eval_count == embed(input=TEXTS).usage.prompt_tokens

    def ollama_embed_cuts():
        reply = local.embed(model=model, input="word " * 1000)
        assert reply.prompt_eval_count == 256, reply.prompt_eval_count
        try:
            local.embed(model=model, input="word " * 1000, truncate=False)
        except ollama.ResponseError as error:
            return error.error
        raise AssertionError("accepted")

    def ollama_embed_dimensions():
        assert len(local.embed(model=model, input="x", dimensions=32).embeddings[0]) == 32

    def ollama_old_embeddings():
        vector = numpy.array(local.embeddings(model=model, prompt=TEXTS[0]).embedding, dtype=numpy.float32)
        assert (vector == plain[0]).all()

    def ollama_show():
        assert "embedding" in local.show(model).capabilities

    def llama_server():
        body = json.dumps({"model": model, "content": TEXTS}).encode()
        with urllib.request.urlopen(urllib.request.Request(url + "/embedding", body, {"Content-Type": "application/json"})) as reply:
            rows = json.load(reply)
        assert (numpy.array([row["embedding"][0] for row in rows], dtype=numpy.float32) == plain).all()

    def a_model_that_writes():
        reply = client.embeddings.create(model=writer, input=TEXTS)
        similar = vectors(reply)
        assert abs(numpy.linalg.norm(similar, axis=1) - 1).max() < 1e-5
        return f"{similar.shape[1]} numbers"

    def chat_while_embedding():
        stream = client.chat.completions.create(model=writer, messages=[{"role": "user", "content": "Count to ten."}], stream=True,
                                                max_tokens=30, temperature=0)
        for _ in stream:
            assert (vectors(embed(input=TEXTS)) == plain).all()

    def sentence_transformers_vectors():
        if not folder:
            return "skipped: no folder was given"
        from sentence_transformers import SentenceTransformer
        wanted = SentenceTransformer(folder, device="cpu").encode(TEXTS, normalize_embeddings=True)
        difference = abs(wanted - plain).max()
        assert difference < 1e-4, difference
        return f"largest difference {difference:.1e}"

    return [f for f in locals().values() if callable(f) and getattr(f, "__name__", "<lambda>") != "<lambda>"]


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    url, model, writer = sys.argv[1:4]
    folder = sys.argv[4] if len(sys.argv) > 4 else None
    print(f"openai {version('openai')}, ollama {version('ollama')}")
    failed = 0
    for check in checks(url, model, writer, folder):
        try:
            print(f"ok      {check.__name__}  {check() or ''}")
        except Exception:
            failed += 1
            print(f"FAILED  {check.__name__}")
            traceback.print_exc()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
