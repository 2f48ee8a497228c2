"""Converts a T5 for CTranslate2, with 32-bit and with 8-bit weights.

    python convert_ctranslate2.py FOLDER

Reads `FOLDER/model` and writes `FOLDER/ctranslate2-float32` and `FOLDER/ctranslate2-int8`.
"""

import json
import pathlib
import sys

from ctranslate2.converters import TransformersConverter


def number_tokens(folder):
    """Gives tokens that share a name with an earlier one, fillers of a larger vocabulary, unique names."""
    path = folder / "shared_vocabulary.json"
    seen = set()
    tokens = json.loads(path.read_text())
    for number, token in enumerate(tokens):
        if token in seen:
            tokens[number] = f"<token_{number}>"
        seen.add(tokens[number])
    assert len(seen) == len(tokens), "every id has its own token"
    path.write_text(json.dumps(tokens))


def main():
    folder = pathlib.Path(sys.argv[1])
    for weights, quantization in [("float32", None), ("int8", "int8")]:
        output = folder / f"ctranslate2-{weights}"
        converter = TransformersConverter(str(folder / "model"))
        converter.convert(str(output), quantization=quantization, force=True)
        number_tokens(output)


if __name__ == "__main__":
    main()
