"""The protocol of the Python workers: each line of standard input is answered with a line of JSON."""

import argparse
import json
import os
import pathlib
import sys
import time

# Vectors of a prompt.
PROMPT = 100


def longer(ids):
    """Prepends as many tokens as a prompt has vectors, for programs without prompts."""
    return [*range(2, 2 + PROMPT), *ids]


def threads():
    return int(os.environ["OMP_NUM_THREADS"])


def parser(works):
    """Returns a parser of the arguments that all workers have."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=works)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--rows", type=pathlib.Path, required=True)
    return parser


def answer(value):
    print(json.dumps(value), flush=True)


def peak_kib():
    """Returns the peak memory of this process in KiB."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def serve(work, instructions):
    """Runs the method that each line names until the input ends."""
    answer({"ready": True, "instructions": instructions})
    for line in sys.stdin:
        begun = time.perf_counter()
        value = getattr(work, line.strip())()
        value["seconds"] = time.perf_counter() - begun
        value["peak_kib"] = peak_kib()
        answer(value)
