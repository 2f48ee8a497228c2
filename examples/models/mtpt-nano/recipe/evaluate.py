"""Step 5: how well the finished, frozen model can be prompted, by plain soft prompts, one for each task.

Twenty vectors in front of the input are learned in a few hundred steps, and labels ranked by the logit of their
word's first piece. The text tasks (one folder each, JSON Lines of `text` and `label`) took no part in the training.
"""

import argparse
import json
import random
import time
from collections import Counter
from pathlib import Path

import torch
from sources import read_table
from torch import nn
from transformers import PreTrainedTokenizerFast, T5ForConditionalGeneration

Rows = list[tuple[str, str]]


def read_rows(file: Path) -> Rows:
    """Texts and labels from JSON Lines, or from SST-2's TSV."""
    if file.suffix == ".tsv":
        return [(text, {"1": "positive", "0": "negative"}[label]) for text, label in read_table(file, True)]
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [(row["text"], row["label"]) for row in rows]


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

    def train(self, rows: Rows, steps: int, rate: float, size: int, generator: random.Random) -> float:
        """Returns the mean loss of the last fifty steps."""
        optimizer = torch.optim.AdamW([self.prompt], lr=rate, weight_decay=0.0)
        losses = []
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
            batch = generator.sample(rows, size)
            targets = torch.tensor([self.labels[label] for _, label in batch], device=self.device)
            loss = nn.functional.cross_entropy(self.logits([text for text, _ in batch]), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        return sum(losses[-50:]) / len(losses[-50:])

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--text", type=Path, required=True, help="folder with trec, subj and mpqa")
    parser.add_argument("--glue", type=Path, required=True)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=0.3)
    parser.add_argument("--length", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    tokenizer = PreTrainedTokenizerFast.from_pretrained(arguments.model)
    model = T5ForConditionalGeneration.from_pretrained(arguments.model, dtype=torch.float32)
    model = model.eval().requires_grad_(False).to(arguments.device)
    # Tests where there are some; GLUE's have no labels, so SST-2 is measured on its development rows.
    files = {name: (arguments.text / name / "train.jsonl", arguments.text / name / "test.jsonl")
             for name in ("trec", "subj", "mpqa")}  # fmt: skip
    files["sst-2"] = (arguments.glue / "SST-2/train.tsv", arguments.glue / "SST-2/dev.tsv")
    print("| task | majority | prompt | last losses | seconds |\n|---|---|---|---|---|", flush=True)
    results = []
    for name, (train, test) in files.items():
        begin = time.time()
        torch.manual_seed(arguments.seed)
        learn, measure = read_rows(train), read_rows(test)
        prompted = Prompted(model, tokenizer, sorted({label for _, label in learn}), arguments.length, arguments.device)
        generator = random.Random(arguments.seed)
        loss = prompted.train(learn, arguments.steps, arguments.rate, arguments.batch, generator)
        majority = 100 * Counter(label for _, label in measure).most_common(1)[0][1] / len(measure)
        results.append((majority, accuracy := prompted.accuracy(measure)))
        print(f"| {name} | {majority:.1f} | {accuracy:.1f} | {loss:.3f} | {time.time() - begin:.0f} |", flush=True)
    majority, accuracy = (sum(column) / len(column) for column in zip(*results, strict=True))
    print(f"| average | {majority:.1f} | {accuracy:.1f} | | |")


if __name__ == "__main__":
    main()
