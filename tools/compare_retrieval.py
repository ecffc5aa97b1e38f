"""How often the right chunk is among the first five: weir knowledge search against bm25s (with jieba
for Chinese) and all-MiniLM-L6-v2 alone, over the same chunks and the questions of bench/knowledge.

    pip install bm25s jieba PyStemmer sentence-transformers
    tools/compare_retrieval.py [--minilm FOLDER] build/weir BASE.db bench/knowledge/postgresql.jsonl [-- --words]

A chunk is right if it belongs to the question's document and holds its evidence, blanks aside."""
import argparse
import json
import os
import sqlite3
import subprocess
import sys

parser = argparse.ArgumentParser()
parser.add_argument("weir")
parser.add_argument("base")
parser.add_argument("questions")
parser.add_argument("--minilm", help="folder or name of all-MiniLM-L6-v2")
parser.add_argument("--base-vectors", action="store_true",
                    help="with --minilm: the base's own vectors of chunks, in 8 bits, instead of computing them")
parser.add_argument("--half", type=int, choices=[0, 1], help="only every second question, from this one on")
parser.add_argument("--show", action="store_true", help="print the questions that weir misses")
parser.add_argument("weir_options", nargs="*", help="after --: options of weir knowledge search")
options = parser.parse_args()


def bare(text):
    return "".join(text.split())


def stem(name):
    return os.path.splitext(os.path.basename(name))[0]


database = sqlite3.connect(f"file:{options.base}?mode=ro", uri=True)
chunks = [
    {"document": name, "text": (heading or title) + "\n" + text, "bare": bare(text)}
    for name, title, heading, text in database.execute(
        "SELECT d.name, d.title, c.heading, c.text FROM chunks c JOIN documents d "
        "ON d.id = c.document WHERE c.copy_of IS NULL ORDER BY c.id")
]
with open(options.questions, encoding="utf-8") as file:
    questions = [json.loads(line) for line in file]
questions = [question for question in questions if question.get("evidence")]
if options.half is not None:
    questions = questions[options.half::2]
is_chinese = any("\u4e00" <= c <= "\u9fff" for c in questions[0]["question"])


def is_right(question, document, text):
    return stem(document) == stem(question["document"]) and bare(question["evidence"]) in text


reachable = [any(is_right(q, c["document"], c["bare"]) for c in chunks) for q in questions]
print(f"{len(questions)} questions, {len(chunks)} chunks, evidence whole in a chunk for {sum(reachable)}")


def report(name, ranks):
    found = [rank for rank in ranks if rank]
    first = sum(rank == 1 for rank in found) / len(ranks)
    five = sum(rank <= 5 for rank in found)
    mean = sum(1 / rank for rank in found) / len(ranks)
    print(f"{name:28} first {first:.1%}  among five {five / len(ranks):.1%} ({five})  MRR {mean:.3f}")


def rank_of(question, order):
    for place, index in enumerate(order[:20], 1):
        if is_right(question, chunks[index]["document"], chunks[index]["bare"]):
            return place
    return 0


ranks = []
for question in questions:
    answer = subprocess.run(
        [options.weir, "knowledge", "search", options.base, question["question"], "--count", "20",
         "--json", *options.weir_options], capture_output=True, text=True)
    if answer.returncode:
        sys.exit(answer.stderr)
    rank = 0
    for place, found in enumerate(json.loads(answer.stdout), 1):
        if is_right(question, found["document"], bare(found["text"])):
            rank = place
            break
    ranks.append(rank)
    if options.show and not 1 <= rank <= 5:
        print(f"  {rank:3} {question['id']} {question['question']}")
report("weir knowledge search", ranks)

try:
    import bm25s
except ImportError:
    sys.exit("bm25s is not installed; pip install bm25s jieba PyStemmer")

if is_chinese:
    import jieba

    jieba.setLogLevel(60)
    cut = lambda text: [word for word in jieba.cut_for_search(text.lower()) if word.strip()]
    corpus = [cut(chunk["text"]) for chunk in chunks]
    asked = [cut(question["question"]) for question in questions]
    name = "bm25s + jieba"
else:
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    corpus = bm25s.tokenize([chunk["text"] for chunk in chunks], stopwords="en", stemmer=stemmer,
                            return_ids=False, show_progress=False)
    asked = bm25s.tokenize([question["question"] for question in questions], stopwords="en",
                           stemmer=stemmer, return_ids=False, show_progress=False)
    name = "bm25s + PyStemmer"
index = bm25s.BM25()
index.index(corpus, show_progress=False)
ranks = []
for question, words in zip(questions, asked):
    order, _ = index.retrieve([words], k=20, show_progress=False)
    ranks.append(rank_of(question, [int(i) for i in order[0]]))
report(name, ranks)

if options.minilm:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(options.minilm)
    if options.base_vectors:
        import numpy

        vectors = numpy.array([scale * numpy.frombuffer(codes, dtype=numpy.int8) for scale, codes in database.execute(
            "SELECT v.scale, v.codes FROM vectors v JOIN chunks c ON c.id = v.chunk WHERE c.copy_of IS NULL ORDER BY c.id")])
        assert len(vectors) == len(chunks)
    else:
        vectors = model.encode([chunk["text"] for chunk in chunks], normalize_embeddings=True, batch_size=64)
    asked = model.encode([question["question"] for question in questions],
                         normalize_embeddings=True)
    ranks = [rank_of(question, [int(i) for i in (vectors @ vector).argsort()[::-1][:20]])
             for question, vector in zip(questions, asked)]
    report("all-MiniLM-L6-v2 alone", ranks)
