"""Step 3: the student's encoder learns to say what the teacher's states say, piece by piece and sentence by sentence.

Linear maps stand between the student's states and the teacher's (and are thrown away afterwards), so that the student
has to hold the information, not the teacher's coordinates. The figures printed are squared errors relative to the
targets' variance: 1 is what guessing the mean gets, 0 is perfect.
"""

import argparse
import random
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import load_file
from student import new_student, optimizer_for, rate_at, save_checkpoint, set_rate
from teach import read_sentences
from torch import nn

END = 1


class Maps(nn.Module):
    """From the student's states to the teacher's: halfway, at the end, and for the mean of the end."""

    def __init__(self, width: int, teacher_width: int):
        super().__init__()
        self.middle = nn.Linear(width, teacher_width)
        self.last = nn.Linear(width, teacher_width)


class Targets:
    """One file of the teacher's states beside the sentences they belong to."""

    def __init__(self, file: Path, sentences: list[dict]):
        content = load_file(file)
        lengths = content["lengths"].tolist()
        self.ids = [torch.tensor([*row["ids"], END]) for row in sentences]
        self.middle = content["middle"].split(lengths)
        self.last = content["last"].split(lengths)
        self.means = content["means"]

    def batch(self, rows: list[int]) -> dict[str, torch.Tensor]:
        pad = nn.utils.rnn.pad_sequence
        ids = pad([self.ids[row] for row in rows], batch_first=True)
        return {
            "ids": ids,
            "mask": (ids != 0).long(),
            "middle": pad([self.middle[row] for row in rows], batch_first=True).float(),
            "last": pad([self.last[row] for row in rows], batch_first=True).float(),
            "means": self.means[rows],
        }


def batches(targets: Targets, pieces: int, generator: random.Random) -> Iterator[dict[str, torch.Tensor]]:
    """Sentences of similar lengths together, about `pieces` to a batch, the batches in random order."""
    order = sorted(range(len(targets.ids)), key=lambda row: len(targets.ids[row]) + generator.random())
    groups: list[list[int]] = [[]]
    for row in order:
        if (len(groups[-1]) + 1) * len(targets.ids[row]) > pieces:
            groups.append([])
        groups[-1].append(row)
    generator.shuffle(groups)
    for group in groups:
        yield targets.batch(group)


class Errors:
    """Squared errors relative to the variance that the targets have in one file."""

    def __init__(self, targets: Targets, device: str):
        self.mean, self.variance = {}, {}
        for name, states in (
            ("middle", torch.cat(targets.middle).float()),
            ("last", torch.cat(targets.last).float()),
            ("means", targets.means),
        ):
            self.mean[name] = states.mean(0).to(device)
            self.variance[name] = (states - states.mean(0)).square().mean().to(device)

    def __call__(self, encoder, maps: Maps, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        out = encoder(input_ids=batch["ids"], attention_mask=batch["mask"], output_hidden_states=True)
        halfway = out.hidden_states[len(encoder.block) // 2].float()
        # The middle states are not normalized yet, and grow during training.
        halfway = halfway * torch.rsqrt(halfway.square().mean(-1, keepdim=True) + 1e-6)
        mask = batch["mask"].unsqueeze(-1)
        final = maps.last(out.last_hidden_state).float()
        pooled = (final * mask).sum(1) / mask.sum(1)
        guesses = {"middle": maps.middle(halfway).float(), "last": final, "means": pooled}
        result = {}
        for name, guess in guesses.items():
            error = (guess + self.mean[name] - batch[name]).square().mean(-1)
            if name != "means":
                error = error[batch["mask"].bool()]
            result[name] = error.mean() / self.variance[name]
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=10000)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="let the rate fall in time for this, too")
    parser.add_argument("--pieces", type=int, default=2048, help="pieces in a batch")
    parser.add_argument("--rate", type=float, default=2e-2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = arguments.device

    sentences = read_sentences(arguments.work)
    files = sorted((arguments.work / "teacher").glob("*.safetensors"))
    size = len(load_file(files[0])["lengths"])

    def open_file(number: int) -> Targets:
        return Targets(files[number], sentences[number * size : (number + 1) * size])

    student = new_student(arguments.work, arguments.seed).to(device)
    encoder = student.encoder
    validation = open_file(0)  # held out
    errors = Errors(validation, device)
    maps = Maps(student.config.d_model, errors.mean["last"].numel()).to(device)
    named = [(f"encoder.{name}", parameter) for name, parameter in encoder.named_parameters()]
    named += [(f"maps.{name}", parameter) for name, parameter in maps.named_parameters()]
    # The embeddings start where they belong; most pieces are too rare to be moved fast.
    optimizer = optimizer_for(named, arguments.rate, {"encoder.embed_tokens": 0.1})
    validation_batches = list(batches(validation, arguments.pieces, random.Random(arguments.seed)))[:16]

    checkpoint = arguments.work / "distil.pt"
    step = visited = 0
    spent = 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True, map_location=device)
        student.load_state_dict(state["student"])
        maps.load_state_dict(state["maps"])
        optimizer.load_state_dict(state["optimizer"])
        step, visited, spent = state["step"], state["visited"], state["spent"]
        print(f"resumed at step {step}", flush=True)

    begin = time.time() - spent
    sums: dict[str, float] = {}
    count = 0
    done = False
    while not done:
        epoch, place = divmod(visited, len(files) - 1)
        order = list(range(1, len(files)))
        random.Random(f"{arguments.seed} {epoch}").shuffle(order)
        shuffler = random.Random(f"{arguments.seed} {epoch} {place}")
        for batch in batches(open_file(order[place]), arguments.pieces, shuffler):
            fraction = max(step / arguments.steps, (time.time() - begin) / arguments.seconds)
            if done := fraction >= 1:
                break
            set_rate(optimizer, rate_at(fraction, arguments.rate))
            batch = {name: tensor.to(device) for name, tensor in batch.items()}
            with torch.autocast(device.split(":")[0], torch.bfloat16):
                parts = errors(encoder, maps, batch)
            loss = parts["last"] + 0.5 * parts["middle"] + 0.5 * parts["means"]
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([parameter for _, parameter in named], 1.0)
            optimizer.step()
            step += 1
            count += 1
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            if step % 100 == 0:
                figures = "  ".join(f"{name} {value / count:.4f}" for name, value in sums.items())
                print(f"step {step}  epoch {epoch}  {figures}  seconds {time.time() - begin:.0f}", flush=True)
                sums, count = {}, 0
        visited += 1
        if done or visited % 20 == 0:
            save_checkpoint(
                checkpoint, student=student.state_dict(), maps=maps.state_dict(), optimizer=optimizer.state_dict(),
                step=step, visited=visited, spent=time.time() - begin,
            )  # fmt: skip
            with torch.no_grad(), torch.autocast(device.split(":")[0], torch.bfloat16):
                rows = [errors(encoder, maps, {name: t.to(device) for name, t in batch.items()})
                        for batch in validation_batches]  # fmt: skip
            figures = "  ".join(f"{name} {sum(float(row[name]) for row in rows) / len(rows):.4f}" for name in rows[0])
            print(f"validation at step {step}:  {figures}", flush=True)


if __name__ == "__main__":
    main()
