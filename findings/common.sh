#!/bin/bash
# Sourced by every script here: a temporary folder that is removed at the end, and `install PACKAGE...`
# (pip options as they come) into a virtual environment there; `run` gives standard input to its Python.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
install() { "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$@" 2>"$work/pip.log" || { cat "$work/pip.log" >&2; exit 1; }; }
run() { (cd "$work" && HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error "$work/venv/bin/python" -W ignore - "$@"); }
