"""CTranslate2's side, as far as it is comparable: greedy decoding, and the time to the first token.

    python worker_ctranslate2.py generation|cold --folder FOLDER --rows FILE --weights float32|int8

It has no soft prompts, so inputs are 100 tokens longer instead. The amount of work is the same.
"""

import json
import logging
import os
import re
import tempfile

import ctranslate2
from tokenizers import Tokenizer

from serving import answer, longer, parser, serve, threads

NEW_TOKENS = 32


class Model:
    """A translator that takes and returns ids."""

    def __init__(self, folder, weights):
        folder = folder / f"ctranslate2-{weights}"
        self.translator = ctranslate2.Translator(
            str(folder),
            device="cpu",
            compute_type=weights,
            inter_threads=1,
            intra_threads=threads(),
        )
        self.tokens = json.loads((folder / "shared_vocabulary.json").read_text())
        self.ids = {token: id for id, token in enumerate(self.tokens)}

    def generate(self, rows, new_tokens):
        """Returns exactly this number of tokens for each row, all rows in one batch."""
        results = self.translator.translate_batch(
            [[self.tokens[id] for id in row] for row in rows],
            beam_size=1,
            max_batch_size=0,
            min_decoding_length=new_tokens,
            max_decoding_length=new_tokens,
        )
        return [[self.ids[token] for token in result.hypotheses[0]] for result in results]


class Generating:
    """Greedy decoding of a batch."""

    def __init__(self, model, rows):
        self.model = model
        self.rows = [longer(row["input_ids"]) for row in rows]

    def go(self):
        return {"ids": self.model.generate(self.rows, NEW_TOKENS)}

    warm = go


def load_with_log(load):
    """Returns what `load` does, and the instructions and libraries that CTranslate2 logs."""
    ctranslate2.set_log_level(logging.INFO)
    with tempfile.TemporaryFile() as log:
        before = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            loaded = load()
        finally:
            os.dup2(before, 2)
            os.close(before)
            ctranslate2.set_log_level(logging.WARNING)
        log.seek(0)
        text = log.read().decode(errors="replace")
    said = dict(re.findall(r"(Selected ISA|SGEMM backend|GEMM_S8 backend): (\w+)", text))
    names = {"SGEMM backend": "f32 products by", "GEMM_S8 backend": "int8 products by"}
    products = [f"{words} {said[name]}" for name, words in names.items() if name in said]
    return loaded, ", ".join([said.get("Selected ISA", "unknown"), *products])


def cold(folder, weights, asked):
    """One text, from process start to the first token."""
    model = Model(folder, weights)
    ids = Tokenizer.from_file(str(folder / "model" / "tokenizer.json")).encode(asked["text"]).ids
    [[first]] = model.generate([longer(ids)], 1)
    answer({"label": model.tokens[first], "ids": ids})


def main():
    arguments_parser = parser(["generation", "cold"])
    arguments_parser.add_argument("--weights", choices=["float32", "int8"], required=True)
    arguments = arguments_parser.parse_args()
    rows = json.loads(arguments.rows.read_text())
    if arguments.work == "cold":
        return cold(arguments.folder, arguments.weights, rows)
    model, instructions = load_with_log(lambda: Model(arguments.folder, arguments.weights))
    serve(Generating(model, rows), instructions)


if __name__ == "__main__":
    main()
