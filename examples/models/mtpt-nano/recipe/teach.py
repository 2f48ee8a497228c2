"""Step 2: stores the teacher's hidden states of every sentence, so that the student can use them several times.

For each sentence in `sentences.jsonl`: the teacher's states at each piece after its third and its last layer, and the
mean of the latter. One file for each few thousand sentences; files that are there already are left as they are.
"""

import argparse
import json
import time
from pathlib import Path

import torch
from prepare import TEACHER
from safetensors.torch import load_file, save_file
from transformers import BertModel

START, STOP, UNKNOWN = 101, 102, 100  # the teacher's [CLS], [SEP] and [UNK]


def read_sentences(work: Path) -> list[dict]:
    with open(work / "sentences.jsonl", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--shard", type=int, default=4096, help="sentences in a file")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--layer", type=int, default=3, help="the layer in the middle whose states are kept too")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after the file that passes this")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_grad_enabled(False)

    folder = arguments.work / "teacher"
    folder.mkdir(exist_ok=True)
    rows = load_file(arguments.work / "embeddings.safetensors")["teacher_rows"]
    rows = torch.where(rows < 0, UNKNOWN, rows)
    # Halved precision costs the targets nothing that matters here, and halves the time and the space.
    teacher = BertModel.from_pretrained(TEACHER, dtype=torch.bfloat16, add_pooling_layer=False)
    teacher = teacher.eval().to(arguments.device)
    sentences = read_sentences(arguments.work)
    begin, pieces = time.time(), 0
    for number, start in enumerate(range(0, len(sentences), arguments.shard)):
        file = folder / f"{number:03}.safetensors"
        if file.exists():
            continue
        shard = [torch.tensor(row["ids"]) for row in sentences[start : start + arguments.shard]]
        order = sorted(range(len(shard)), key=lambda index: len(shard[index]))
        middle: list = [None] * len(shard)
        last: list = [None] * len(shard)
        means = torch.zeros(len(shard), teacher.config.hidden_size)
        for at in range(0, len(order), arguments.batch):
            batch = order[at : at + arguments.batch]
            width = max(len(shard[index]) for index in batch) + 2
            inputs = torch.zeros(len(batch), width, dtype=torch.long)
            mask = torch.zeros_like(inputs)
            for line, index in enumerate(batch):
                length = len(shard[index]) + 2
                inputs[line, 0], inputs[line, length - 1] = START, STOP
                inputs[line, 1 : length - 1] = rows[shard[index]]
                mask[line, :length] = 1
            states = teacher(
                input_ids=inputs.to(arguments.device),
                attention_mask=mask.to(arguments.device),
                output_hidden_states=True,
            ).hidden_states
            halfway, final = states[arguments.layer].cpu(), states[-1].cpu()
            for line, index in enumerate(batch):
                length = len(shard[index]) + 2
                means[index] = final[line, :length].float().mean(0)  # over [CLS] and [SEP] too, as the teacher does
                middle[index] = halfway[line, 1:length].clone()  # the pieces and the end, as the student sees them
                last[index] = final[line, 1:length].clone()
        lengths = torch.tensor([len(states) for states in last])
        whole = {"middle": torch.cat(middle), "last": torch.cat(last), "means": means, "lengths": lengths}
        save_file(whole, file.with_suffix(".part"))
        file.with_suffix(".part").rename(file)
        pieces += int(lengths.sum())
        elapsed = time.time() - begin
        print(f"{file.name}: {pieces} pieces in {elapsed:.0f} s", flush=True)
        if elapsed > arguments.seconds:
            break


if __name__ == "__main__":
    main()
