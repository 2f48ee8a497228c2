"""Accuracy of TF-IDF with logistic regression by the number of training rows, on the test rows of the example's tasks.

    pip install scikit-learn==1.9.1
    python examples/data_sizes/tfidf.py --data ../shared/data
"""

import argparse
import json
import random
import statistics
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

SIZES = (100, 300, 1000, 3000)
SEEDS = (0, 1, 2)


def json_rows(path: Path) -> list[tuple[str, str]]:
    with path.open(encoding="utf-8") as lines:
        return [(row["text"], row["label"]) for row in map(json.loads, lines)]


def tsv_rows(path: Path) -> list[tuple[str, str]]:
    lines = path.read_text(encoding="utf-8").split("\n")[1:]
    return [tuple(line.split("\t")) for line in lines if line]


def accuracy(train: list[tuple[str, str]], test: list[tuple[str, str]], size: int, seed: int) -> float:
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1000),
    )
    model.fit(*zip(*random.Random(seed).sample(train, size)))
    return 100 * model.score(*zip(*test))


def cell(values: list[float]) -> str:
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values):.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    tasks = {}
    for name in ("trec", "subj", "mpqa"):
        folder = data / "text" / name
        tasks[name] = json_rows(folder / "train.jsonl"), json_rows(folder / "test.jsonl")
    folder = data / "glue" / "SST-2"
    tasks["sst2"] = tsv_rows(folder / "train.tsv"), tsv_rows(folder / "dev.tsv")

    print("| training rows per task | TREC | Subj | MPQA | SST-2 | average |")
    print("|---|---|---|---|---|---|")
    for size in SIZES:
        values = [[accuracy(*rows, size, seed) for seed in SEEDS] for rows in tasks.values()]
        cells = " | ".join(map(cell, values))
        average = cell([statistics.mean(of_seed) for of_seed in zip(*values)])
        print(f"| {size:,} | {cells} | **{average}** |")


if __name__ == "__main__":
    main()
