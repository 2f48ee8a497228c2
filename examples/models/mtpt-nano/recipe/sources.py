"""Reads the texts that mtpt-nano learns from: WordNet, Webster's dictionary of 1913, and GLUE's training files.

Every reader is a plain function from a folder or file to a list, in file order, so that a run is repeatable.
"""

import csv
import gzip
import re
from dataclasses import dataclass, field
from pathlib import Path

# The 45 files in which WordNet's lexicographers sorted all meanings (lexnames(5WN)), by their number, each with
# the one English word this recipe calls it by. None: too broad or too grammatical to be an answer.
CATEGORY_WORDS = [
    None, None, None, None, "action", "animal", "artifact", "attribute", "body", "thought", "communication",
    "event", "feeling", "food", "group", "location", "motive", "object", "person", "phenomenon", "plant",
    "possession", "process", "quantity", "relation", "shape", "state", "substance", "time", "body", "change",
    "thought", "communication", "competition", "eating", "contact", "creation", "feeling", "motion", "perception",
    "possession", "social", "state", "weather", None,
]  # fmt: skip

PART_OF_SPEECH = {"n": "noun", "v": "verb", "a": "adjective", "s": "adjective", "r": "adverb"}


@dataclass
class Meaning:
    """One synset of WordNet."""

    key: str
    part_of_speech: str
    category: str | None
    words: list[str]
    definition: str
    examples: list[str]
    hypernyms: list[str] = field(default_factory=list)  # keys of broader meanings
    classes: list[str] = field(default_factory=list)  # keys of what this is an instance of ("Paris" -> "city")
    antonyms: list[tuple[str, str]] = field(default_factory=list)  # (this word, its opposite's key and word number)


def read_wordnet(folder: Path) -> dict[str, Meaning]:
    """All meanings in `data.noun`, `data.verb`, `data.adj` and `data.adv`, by part of speech and offset."""
    meanings: dict[str, Meaning] = {}
    for name in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{name}").read_text(encoding="utf-8").splitlines():
            if line.startswith("  "):  # the licence, at the head of each file
                continue
            data, _, gloss = line.partition(" | ")
            fields = data.split()
            count = int(fields[3], 16)
            words = [re.sub(r"\((a|p|ip)\)$", "", word).replace("_", " ") for word in fields[4 : 4 + 2 * count : 2]]
            definition, examples = split_gloss(gloss)
            letter = "a" if fields[2] == "s" else fields[2]
            meaning = Meaning(
                key=letter + fields[0],
                part_of_speech=PART_OF_SPEECH[letter],
                category=CATEGORY_WORDS[int(fields[1])],
                words=words,
                definition=definition,
                examples=examples,
            )
            start = 4 + 2 * count
            for index in range(int(fields[start])):
                symbol, offset, target, numbers = fields[start + 1 + 4 * index : start + 5 + 4 * index]
                key = ("a" if target == "s" else target) + offset
                if symbol == "@":
                    meaning.hypernyms.append(key)
                elif symbol == "@i":
                    meaning.classes.append(key)
                elif symbol == "!":
                    source_number, target_number = int(numbers[:2], 16), int(numbers[2:], 16)
                    meaning.antonyms.append((words[source_number - 1], f"{key}/{target_number - 1}"))
            meanings[meaning.key] = meaning
    return meanings


def split_gloss(gloss: str) -> tuple[str, list[str]]:
    """Parts a gloss into its definition and the quoted examples that follow it."""
    examples = [example.strip() for example in re.findall(r'"([^"]{8,})"', gloss)]
    definition = re.split(r'[;:]?\s*"', gloss, maxsplit=1)[0]
    return definition.strip(" ;:"), examples


def read_webster(file: Path) -> list[str]:
    """The definitions and citations of Webster's dictionary of 1913.

    The dictionary file (GCIDE) is the edition of 1913 with later additions; every paragraph names its source. Only
    paragraphs of the edition of 1913 are read: that text is in the public domain, the additions are not.
    """
    with gzip.open(file, "rt", encoding="utf-8", errors="replace") as stream:
        content = stream.read()
    texts = []
    for paragraph in re.split(r"\n\s*\n", content):
        if "[1913 Webster]" not in paragraph:
            continue
        body = paragraph.split("[1913 Webster]")[0]
        body = re.sub(r"^\S.*\\[^\n]*\n(?:   [^\n]*\](?:\s*\([A-Z][^)]*\))?\n)?", "", body.strip("\n"))  # headword
        body = re.sub(r"\s+", " ", body)
        body = re.sub(r"\[[^\]]*\]", "", body)  # etymologies and labels
        body = re.sub(r"--\s*[A-Z].*$", "", body)  # who is cited
        body = re.sub(r"^\s*(\d+|\([a-z]\))[.\s]\s*", "", body.strip())
        body = re.sub(r"\([A-Z][A-Za-z.]*\.\)", "", body)  # (Bot.), (Zool.)
        body = re.sub(r"[{}\"]", "", body).strip()
        if "?" in body and re.search(r"[A-Za-z`*]\?[A-Za-z]|Gr\.|fr\.", body):  # letters that were not transcribed
            continue
        if "\\" in body or not 20 <= len(body) <= 220 or not re.search(r"[.?!]$", body):
            continue
        texts.append(body)
    return texts


def read_table(file: Path, header: bool) -> list[list[str]]:
    """A tab-separated file of GLUE, whose quotes mean nothing."""
    with open(file, encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    return rows[1:] if header else rows


def read_glue(folder: Path) -> dict[str, list[tuple[str, ...]]]:
    """GLUE's training files: for each task, rows of one or two sentences and a label, in the labels' own spelling."""
    rows = {
        "SST-2": [(row[0].strip(), row[1]) for row in read_table(folder / "SST-2/train.tsv", True)],
        "CoLA": [(row[3], row[1]) for row in read_table(folder / "CoLA/train.tsv", False)],
        "MRPC": [(row[3], row[4], row[0]) for row in read_table(folder / "MRPC/train.tsv", True) if len(row) == 5],
        "RTE": [(row[1], row[2], row[3]) for row in read_table(folder / "RTE/train.tsv", True) if len(row) == 4],
        "STS-B": [(row[7], row[8], row[9]) for row in read_table(folder / "STS-B/train.tsv", True) if len(row) == 10],
    }
    return rows


WORDS = re.compile(r"[a-z0-9]+")


def word_runs(text: str, length: int = 8) -> set[str]:
    """All runs of `length` words in `text`, lower case and without punctuation."""
    words = WORDS.findall(text.lower())
    return {" ".join(words[start : start + length]) for start in range(len(words) - length + 1)}
