"""Step 5: how well the finished, frozen model can be prompted, by plain soft prompts, one for each task.

Twenty vectors in front of the encoder's input are learned in a few hundred steps; labels are ranked by the logit of their
name's first piece. The learning rate and the step that is kept are chosen on development rows, and the test rows are looked at
once, with the prompt chosen. Beside it stand what needs no model: the most frequent label, and a linear model on words and pairs
of words, whose regularisation is chosen on the same development rows; it is fitted to all training rows, and to those alone
that the kept prompt had seen.

`--text` holds `trec`, `subj` and `mpqa` with `train.jsonl`, `dev.jsonl` and `test.jsonl` (`text`, `label`); they took no part in the
model's training. `--glue` holds `SST-2`, whose training rows did; its test file has no labels, so its development file is the
test here, and development rows are drawn from its training file.
"""

import argparse
import json
import random
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sources import read_table
from torch import nn
from transformers import PreTrainedTokenizerFast, T5ForConditionalGeneration

Rows = list[tuple[str, str]]

# Inverse strengths of regularisation that the linear model chooses from.
STRENGTHS = (0.1, 1.0, 10.0, 100.0)
# Rows drawn from SST-2's training file to choose by: as many as its own development file has.
CUT = 872


@dataclass
class Splits:
    """Training, dev and test rows."""

    train: Rows
    dev: Rows
    test: Rows


def read_text(folder: Path) -> Splits:
    def read(split: str) -> Rows:
        lines = (folder / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
        return [(row["text"], row["label"]) for row in map(json.loads, lines)]

    return Splits(read("train"), read("dev"), read("test"))


def read_sst2(folder: Path) -> Splits:
    def read(split: str) -> Rows:
        table = read_table(folder / f"{split}.tsv", True)
        return [(text.strip(), {"1": "positive", "0": "negative"}[label]) for text, label in table]

    rows = read("train")
    # The same split for all seeds.
    random.Random(0).shuffle(rows)
    return Splits(rows[CUT:], rows[:CUT], read("dev"))


def batches(count: int, size: int, seed: int):
    """Positions of each step's rows: passes over all of them, each in an order of its own."""
    generator, waiting = random.Random(seed), []
    while True:
        while len(waiting) < size:
            order = list(range(count))
            generator.shuffle(order)
            waiting += order
        yield waiting[:size]
        waiting = waiting[size:]


class Prompted:
    """The frozen model with a prompt in front of its encoder's input."""

    def __init__(self, model, tokenizer, labels: list[str], length: int, device: str):
        self.model, self.tokenizer, self.device = model, tokenizer, device
        # The label's own name is its word; two labels must not begin with the same piece.
        self.labels = {label: tokenizer(label).input_ids[0] for label in labels}
        if len(set(self.labels.values())) < len(labels):
            raise ValueError(f"labels that begin with the same piece: {self.labels}")
        starts = torch.randint(3, 2000, (length,))
        self.prompt = nn.Parameter(model.shared.weight.detach()[starts].clone())

    def logits(self, texts: list[str]) -> torch.Tensor:
        batch = self.tokenizer(texts, padding=True, truncation=True, max_length=128, return_tensors="pt")
        batch = batch.to(self.device)
        prompt = self.prompt.expand(len(texts), -1, -1)
        states = torch.cat([prompt, self.model.shared(batch.input_ids)], 1)
        mask = torch.cat([batch.attention_mask.new_ones(prompt.shape[:2]), batch.attention_mask], 1)
        start = torch.zeros(len(texts), 1, dtype=torch.long, device=self.device)
        return self.model(inputs_embeds=states, attention_mask=mask, decoder_input_ids=start).logits[:, 0].float()

    @torch.no_grad()
    def accuracy(self, rows: Rows, size: int = 64) -> float:
        words = list(self.labels)
        pieces = torch.tensor(list(self.labels.values()), device=self.device)
        rows = sorted(rows, key=lambda row: len(row[0]))
        right = 0
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            best = self.logits([text for text, _ in batch])[:, pieces].argmax(1).tolist()
            right += sum(words[index] == label for index, (_, label) in zip(best, batch, strict=True))
        return 100 * right / len(rows)


@dataclass
class Kept:
    """The prompt that was best on the development rows."""

    prompted: Prompted
    rate: float
    step: int
    dev: float


def learn(model, tokenizer, splits: Splits, rate: float, seed: int, arguments) -> Kept:
    """One run at one learning rate, and the best of its prompts on the development rows; of equals, the earliest."""
    torch.manual_seed(seed)
    labels = sorted({label for _, label in splits.train})
    prompted = Prompted(model, tokenizer, labels, arguments.length, arguments.device)
    optimizer = torch.optim.AdamW([prompted.prompt], lr=rate, weight_decay=0.0)
    best, kept = None, None
    order = batches(len(splits.train), arguments.batch, seed)
    for step in range(arguments.steps):
        optimizer.param_groups[0]["lr"] = rate * (1 - step / arguments.steps)
        rows = [splits.train[position] for position in next(order)]
        targets = torch.tensor([prompted.labels[label] for _, label in rows], device=arguments.device)
        loss = nn.functional.cross_entropy(prompted.logits([text for text, _ in rows]), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % arguments.every == 0 or step + 1 == arguments.steps:
            dev = prompted.accuracy(splits.dev)
            if best is None or dev > best.dev:
                best = Kept(prompted, rate, step + 1, dev)
                kept = prompted.prompt.detach().clone()
    with torch.no_grad():
        prompted.prompt.copy_(kept)
    return best


def bag_of_words(train: Rows, splits: Splits) -> float:
    """Test accuracy of logistic regression on words and pairs of words, weighted by how rare they are."""
    texts, labels = zip(*train, strict=True)
    best = None
    for strength in STRENGTHS:
        # One-letter words count too, which scikit-learn's own pattern leaves out.
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
        linear = make_pipeline(words, LogisticRegression(C=strength, max_iter=1000)).fit(texts, labels)
        dev = linear.score(*zip(*splits.dev, strict=True))
        if best is None or dev > best[0]:
            best = (dev, linear)
    return 100 * best[1].score(*zip(*splits.test, strict=True))


@dataclass
class Result:
    """Test accuracies of one task and seed."""

    majority: float
    prompt: float
    words_all: float
    words_seen: float
    seen: int


def measure(name: str, splits: Splits, seed: int, words_all: float, model, tokenizer, arguments) -> Result:
    begin = time.time()
    runs = [learn(model, tokenizer, splits, rate, seed, arguments) for rate in arguments.rates]
    kept = max(runs, key=lambda run: run.dev)
    # The rows that this very prompt had met when it was kept.
    order = batches(len(splits.train), arguments.batch, seed)
    seen = sorted({position for _ in range(kept.step) for position in next(order)})
    common = Counter(label for _, label in splits.train).most_common(1)[0][0]
    result = Result(
        majority=100 * sum(label == common for _, label in splits.test) / len(splits.test),
        prompt=kept.prompted.accuracy(splits.test),
        words_all=words_all,
        words_seen=words_all
        if len(seen) == len(splits.train)
        else bag_of_words([splits.train[position] for position in seen], splits),
        seen=len(seen),
    )
    print(
        f"{name}, seed {seed}: dev {', '.join(f'{run.dev:.1f} at rate {run.rate} (step {run.step})' for run in runs)}; "
        f"kept rate {kept.rate}, step {kept.step}; test {result.prompt:.1f}; {time.time() - begin:.0f} s",
        file=sys.stderr,
        flush=True,
    )
    return result


def figure(values: list[float]) -> str:
    """The mean, and the spread where there are several seeds."""
    mean = f"{statistics.fmean(values):.1f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.1f}"


def remark(results: dict[str, list[Result]], sizes: dict[str, int], trained: int) -> str:
    """What the numbers say about who wins, in words."""

    def against(other: str) -> str:
        leads = [
            f"{name} {statistics.fmean(row.prompt - getattr(row, other) for row in rows):+.1f}"
            for name, rows in results.items()
        ]
        return ", ".join(leads)

    shares = ", ".join(
        f"{name} {statistics.fmean(row.seen for row in rows):.0f} of {sizes[name]}" for name, rows in results.items()
    )
    return (
        f"The prompt against the bag of words on all training rows, in points of test accuracy: {against('words_all')};\n"
        f"against the one on the rows that the prompt had seen: {against('words_seen')}.\n"
        f"Rows seen until the kept step: {shares}.\n"
        f"The bag of words has a weight for every word and pair of words of its rows, the prompt {trained} numbers in front of a frozen\n"
        "model. Where the bag wins, the words alone give the label away and more rows show more of them; where it wins on the same\n"
        "rows too, the model holds less of what the task asks than the words themselves do."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--text", type=Path, required=True, help="folder with trec, subj and mpqa")
    parser.add_argument("--glue", type=Path, required=True, help="folder with SST-2")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--every", type=int, default=50, help="steps between looks at the development rows")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.1, 0.3], help="learning rates to choose from")
    parser.add_argument("--length", type=int, default=20)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    tokenizer = PreTrainedTokenizerFast.from_pretrained(arguments.model)
    model = T5ForConditionalGeneration.from_pretrained(arguments.model, dtype=torch.float32)
    model = model.eval().requires_grad_(False).to(arguments.device)
    tasks = {name: read_text(arguments.text / name) for name in ("trec", "subj", "mpqa")}
    tasks["sst-2"] = read_sst2(arguments.glue / "SST-2")

    head = ("task", "majority", "bag of words, all rows", "bag of words, rows seen", "prompt", "above majority")
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}", flush=True)
    results: dict[str, list[Result]] = {}
    for name, splits in tasks.items():
        words = bag_of_words(splits.train, splits)
        results[name] = rows = [
            measure(name, splits, seed, words, model, tokenizer, arguments) for seed in arguments.seeds
        ]
        show(name, rows)
    show("average", [mean(rows) for rows in zip(*results.values(), strict=True)])
    sizes = {name: len(splits.train) for name, splits in tasks.items()}
    print(f"\n{remark(results, sizes, arguments.length * model.config.d_model)}")


def mean(rows: tuple[Result, ...]) -> Result:
    """Means over tasks, of one seed."""
    names = ("majority", "prompt", "words_all", "words_seen", "seen")
    return Result(**{name: statistics.fmean(getattr(row, name) for row in rows) for name in names})


def show(name: str, rows: list[Result]) -> None:
    columns = (
        figure([rows[0].majority]),
        figure([rows[0].words_all]),
        figure([row.words_seen for row in rows]),
        figure([row.prompt for row in rows]),
        figure([row.prompt - row.majority for row in rows]),
    )
    print(f"| {name} | {' | '.join(columns)} |", flush=True)


if __name__ == "__main__":
    main()
