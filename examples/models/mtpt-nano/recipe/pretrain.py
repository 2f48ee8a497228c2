"""Step 4: text to text. Trains the whole student on the tasks of `tasks.py`, while distillation continues.

In half of the batches a task is named by its instruction in words; in the other half by a prompt of its own: twenty
vectors in front of the input, learned along with the model and thrown away afterwards. A model that was never
steered by such vectors is hard to steer by them later.
"""

import argparse
import json
import random
import time
from pathlib import Path

import torch
from distil import Errors, Maps, Targets, batches
from prepare import TEACHER
from safetensors.torch import load_file
from sources import read_wordnet
from student import export, new_student, optimizer_for, rate_at, save_checkpoint, set_rate
from tasks import WEIGHTS, Catalogue, Similarity, candidate_words
from teach import read_sentences
from tokenizers import Tokenizer
from torch import nn
from transformers import BertModel


def word_embeddings(words: list[str]) -> torch.Tensor:
    """The teacher's embedding of each word as if it were a sentence."""
    tokenizer = Tokenizer.from_file(str(TEACHER / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.enable_padding()
    encodings = tokenizer.encode_batch(words)
    mask = torch.tensor([encoding.attention_mask for encoding in encodings])
    teacher = BertModel.from_pretrained(TEACHER, add_pooling_layer=False).eval()
    with torch.no_grad():
        states = teacher(torch.tensor([encoding.ids for encoding in encodings]), attention_mask=mask).last_hidden_state
    return (states * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)


class Encoder:
    """Texts to padded tensors, by the student's tokenizer."""

    def __init__(self, work: Path, longest_input: int = 64, longest_target: int = 12):
        self.inputs = Tokenizer.from_file(str(work / "tokenizer.json"))
        self.targets = Tokenizer.from_file(str(work / "tokenizer.json"))
        for tokenizer, longest in ((self.inputs, longest_input), (self.targets, longest_target)):
            tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")
            tokenizer.enable_truncation(longest)

    def __call__(self, inputs: list[str], targets: list[str]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        rows = self.inputs.encode_batch(inputs)
        labels = torch.tensor([encoding.ids for encoding in self.targets.encode_batch(targets)])
        return (
            torch.tensor([encoding.ids for encoding in rows]),
            torch.tensor([encoding.attention_mask for encoding in rows]),
            labels.masked_fill(labels == 0, -100),
        )


def forever(files: list[Path], sentences: list[dict], size: int, pieces: int, generator: random.Random):
    """Batches of the teacher's states without end; the first file stays unread, as in step 3."""
    while True:
        number = generator.randrange(1, len(files))
        targets = Targets(files[number], sentences[number * size : (number + 1) * size])
        yield from batches(targets, pieces, generator)


def draw_batches(catalogue: Catalogue, size: int, generator: random.Random, count: int = 12) -> list:
    """Batches of task numbers and examples, each of inputs of much the same length: padding costs as much as text."""
    numbers = [catalogue.draw(generator) for _ in range(size * count)]
    pairs = [(number, catalogue.tasks[number].make(generator)) for number in numbers]
    pairs.sort(key=lambda pair: len(pair[1][0]))
    groups = []
    for at in range(0, len(pairs), size):
        group = pairs[at : at + size]
        groups.append(([number for number, _ in group], [example for _, example in group]))
    generator.shuffle(groups)
    return groups


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="the folder that the model is written to")
    parser.add_argument("--glue", type=Path, required=True, help="as in prepare.py")
    parser.add_argument("--wordnet", type=Path, default="/usr/share/wordnet")
    parser.add_argument("--webster", type=Path, default="/usr/share/dictd/gcide.dict.dz")
    parser.add_argument("--questions", type=int, default=30000, help="as in prepare.py")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="let the rate fall in time for this, too")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--distil-pieces", type=int, default=512, help="pieces of step 3's in each batch")
    parser.add_argument("--rate", type=float, default=1e-2)
    parser.add_argument("--prompt-length", type=int, default=20)
    parser.add_argument("--candidates", type=int, default=600, help="words that texts are sorted by")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device, work = arguments.device, arguments.work

    sentences = read_sentences(work)
    files = sorted((work / "teacher").glob("*.safetensors"))
    size = len(load_file(files[0])["lengths"])
    tokenizer = json.loads((work / "tokenizer.json").read_text(encoding="utf-8"))
    candidates = candidate_words(tokenizer, read_wordnet(Path(arguments.wordnet)), arguments.candidates)
    similar = Similarity(work, candidates, word_embeddings(candidates))
    words = [piece for piece in tokenizer["model"]["vocab"] if piece.isalpha() and len(piece) > 1]
    catalogue = Catalogue(arguments, sentences[: len(similar)], words, similar, arguments.seed)
    tasks = catalogue.tasks
    print(f"{len(tasks)} tasks", flush=True)

    student = new_student(work, arguments.seed).to(device)
    errors = Errors(Targets(files[0], sentences[:size]), device)
    maps = Maps(student.config.d_model, errors.mean["last"].numel()).to(device)
    before = torch.load(work / "distil.pt", weights_only=True, map_location=device)
    student.load_state_dict(before["student"])
    maps.load_state_dict(before["maps"])
    # Prompts start as the embeddings of common pieces: vectors of the size that the encoder knows.
    torch.manual_seed(arguments.seed)
    starts = torch.randint(3, 2000, (len(tasks), arguments.prompt_length), device=device)
    prompts = nn.Parameter(student.shared.weight.detach()[starts].clone())
    named = [*student.named_parameters(), ("prompts", prompts), *((f"maps.{n}", p) for n, p in maps.named_parameters())]
    # The encoder knows a good deal already. The embeddings are the head, too, and have to move for that.
    optimizer = optimizer_for(named, arguments.rate, {"encoder.": 0.4, "shared.": 0.15, "maps.": 0.4, "prompts": 1.5})

    checkpoint = work / "pretrain.pt"
    step, spent = 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True, map_location=device)
        student.load_state_dict(state["student"])
        maps.load_state_dict(state["maps"])
        optimizer.load_state_dict(state["optimizer"])
        with torch.no_grad():
            prompts.copy_(state["prompts"])
        step, spent = state["step"], state["spent"]
        print(f"resumed at step {step}", flush=True)
    # Examples are generated when sampled: a resumed run samples new ones.
    generator = random.Random(f"{arguments.seed} {step}")
    distilled = forever(files, sentences, size, arguments.distil_pieces, generator)
    encode = Encoder(work)

    begin = time.time() - spent
    sums = {family: [0.0, 0] for family in WEIGHTS}
    whole = {"loss": 0.0, "last": 0.0, "means": 0.0}
    drawn: list = []
    fraction = 0.0
    while fraction < 1:
        fraction = max((step + 1) / arguments.steps, (time.time() - begin) / arguments.seconds)
        set_rate(optimizer, rate_at(fraction, arguments.rate))
        if not drawn:
            drawn = draw_batches(catalogue, arguments.batch, generator)
        numbers, examples = drawn.pop()
        soft = step % 2 == 1
        inputs = [text if soft else f"{tasks[number].instruction} : {text}"
                  for number, (text, _) in zip(numbers, examples, strict=True)]  # fmt: skip
        ids, mask, labels = (tensor.to(device) for tensor in encode(inputs, [target for _, target in examples]))
        teaching = {name: tensor.to(device) for name, tensor in next(distilled).items()}
        with torch.autocast(device.split(":")[0], torch.bfloat16):
            states = student.shared(ids)
            if soft:
                states = torch.cat([prompts[numbers], states], 1)
                mask = torch.cat([mask.new_ones(len(mask), arguments.prompt_length), mask], 1)
            states = student.encoder(inputs_embeds=states, attention_mask=mask).last_hidden_state
            shifted = nn.functional.pad(labels[:, :-1], (1, 0), value=0).clamp(min=0)
            decoded = student.decoder(shifted, encoder_hidden_states=states, encoder_attention_mask=mask)
            # The head is the dearest part: only where there is something to say.
            logits = student.lm_head(decoded.last_hidden_state[labels != -100] * student.config.d_model**-0.5)
            parts = errors(student.encoder, maps, teaching)
        losses = torch.zeros(labels.shape, device=device)
        losses[labels != -100] = nn.functional.cross_entropy(logits.float(), labels[labels != -100], reduction="none")
        # Each example counts the same, or the long targets of a few tasks would drown the one word of the others;
        # longer ones still get somewhat more, as they say more.
        lengths = (labels != -100).sum(1)
        each = losses.sum(1) / lengths
        loss = (each * lengths.sqrt()).sum() / lengths.sqrt().sum()
        total = loss + 0.3 * (parts["last"] + parts["means"])
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_([parameter for _, parameter in named], 1.0)
        optimizer.step()
        step += 1
        for number, value in zip(numbers, each.tolist(), strict=True):
            sums[tasks[number].family][0] += value
            sums[tasks[number].family][1] += 1
        for name, value in (("loss", loss), ("last", parts["last"]), ("means", parts["means"])):
            whole[name] += float(value.detach()) / 100
        if step % 100 == 0:
            figures = "  ".join(f"{name} {value:.4f}" for name, value in whole.items())
            print(f"step {step}  {figures}  seconds {time.time() - begin:.0f}", flush=True)
            if step % 500 == 0:
                families = "  ".join(f"{family} {value / max(count, 1):.3f}" for family, (value, count) in sums.items())
                print(f"  by family at step {step}: {families}", flush=True)
                sums = {family: [0.0, 0] for family in WEIGHTS}
            whole = dict.fromkeys(whole, 0.0)
        if step % 500 == 0 or fraction >= 1:
            save_checkpoint(
                checkpoint, student=student.state_dict(), maps=maps.state_dict(), optimizer=optimizer.state_dict(),
                prompts=prompts.detach(), step=step, spent=time.time() - begin,
            )  # fmt: skip
            export(student, work, arguments.model)


if __name__ == "__main__":
    main()
