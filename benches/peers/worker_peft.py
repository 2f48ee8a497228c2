"""PEFT's side: loads a model and an adapter, then runs one repetition of its work for each line `go`.

    python worker_peft.py WORK --folder FOLDER --rows FILE --device DEVICE

Answers each line of standard input with a line of JSON; `run.py` says what is asked, `main.rs` is the other side.
"""

import json
import time

import torch
from peft import PeftConfig, PeftModel, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import AutoTokenizer, T5ForConditionalGeneration

from serving import answer, longer, parser, serve, threads

LEARNING_RATE = 0.1
WEIGHT_DECAY = 1e-5
CLIP_NORM = 1.0
ROWS_AT_A_TIME = 32
NEW_TOKENS = 32
# Rows of a step, and positions with 100 prompt vectors and 128 tokens.
ROWS = 16
POSITIONS = ROWS * 228
# Products of each shape in a repetition, with as many multiplications whatever its rows.
PRODUCTS = 4


def padded(rows, pad):
    length = max(map(len, rows))
    return torch.tensor([row + [pad] * (length - len(row)) for row in rows])


def inputs_of(rows):
    return dict(
        input_ids=padded(rows, 0),
        attention_mask=padded([[1] * len(row) for row in rows], 0),
    )


def load(folder):
    model = T5ForConditionalGeneration.from_pretrained(folder / "model", dtype=torch.float32)
    return model.to(torch.get_default_device())


def load_to_learn(folder):
    config = PeftConfig.from_pretrained(folder / "adapter")
    # A saved adapter is for inference, and PEFT loads its prompt only for that.
    config.inference_mode = False
    model = get_peft_model(load(folder), config).train()
    set_peft_model_state_dict(model, load_file(folder / "adapter" / "adapter_model.safetensors"))
    return model.to(torch.get_default_device())


def load_to_infer(folder):
    model = PeftModel.from_pretrained(load(folder), folder / "adapter").eval()
    return model.to(torch.get_default_device())


class Learning:
    """Steps of AdamW on batches, each padded to its longest row."""

    def __init__(self, folder, batches):
        self.model = load_to_learn(folder)
        self.batches = batches
        self.trained = [part for part in self.model.parameters() if part.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.trained, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY
        )

    def step(self, rows):
        loss = self.model(
            **inputs_of([row["input_ids"] for row in rows]),
            labels=padded([row["target_ids"] for row in rows], -100),
            task_ids=torch.tensor([row["task"] for row in rows]),
        ).loss
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, CLIP_NORM)
        self.optimizer.step()
        return loss.item()

    def warm(self):
        return {"losses": [self.step(self.batches[0])]}

    def go(self):
        return {"losses": [self.step(rows) for rows in self.batches]}


class Evaluating:
    """The label with the most probable first token, for all rows of all tasks, sorted by length."""

    def __init__(self, folder, tasks):
        self.model = load_to_infer(folder)
        self.tasks = tasks

    @torch.no_grad()
    def predict(self, task, rows, candidates):
        first = torch.tensor([ids[0] for ids in candidates])
        order = sorted(range(len(rows)), key=lambda place: -len(rows[place]))
        found = [None] * len(rows)
        for start in range(0, len(rows), ROWS_AT_A_TIME):
            group = order[start : start + ROWS_AT_A_TIME]
            # PEFT derives the decoder input from the labels, which don't affect the first logits.
            logits = self.model(
                **inputs_of([rows[place] for place in group]),
                labels=torch.zeros(len(group), 1, dtype=torch.long),
                task_ids=torch.full([len(group)], task),
            ).logits
            for place, best in zip(group, logits[:, 0, first].argmax(1).tolist()):
                found[place] = best
        return found

    def warm(self):
        task = self.tasks[0]
        self.predict(0, task["rows"][:ROWS_AT_A_TIME], task["candidates"])
        return {}

    def go(self):
        predictions = [
            self.predict(number, task["rows"], task["candidates"])
            for number, task in enumerate(self.tasks)
        ]
        return {"predictions": predictions}

    @torch.no_grad()
    def check(self):
        """Returns log-probabilities of all candidates of each task's first rows, by the base model with PEFT's prompts."""
        return {"scores": [self.rank(number, task) for number, task in enumerate(self.tasks)]}

    def rank(self, number, task):
        base, candidates = self.model.get_base_model(), task["candidates"]
        targets = padded(candidates, -100)
        scores = []
        for row in task["rows"][:2]:
            prompt = self.model.get_prompt(batch_size=1, task_ids=torch.tensor([number]))
            embeddings = torch.cat([prompt, base.get_input_embeddings()(torch.tensor([row]))], 1)
            encoded = base.encoder(inputs_embeds=embeddings)[0]
            logits = base(
                encoder_outputs=(encoded.repeat_interleave(len(candidates), 0),),
                decoder_input_ids=padded([[0] + ids[:-1] for ids in candidates], 0),
            ).logits.log_softmax(-1)
            found = logits.gather(2, targets.clamp(min=0).unsqueeze(2)).squeeze(2)
            scores.append((found * (targets >= 0)).sum(1).tolist())
        return scores


class Generating:
    """Greedy decoding of a batch."""

    def __init__(self, folder, rows):
        self.model = load_to_infer(folder)
        self.rows = [row["input_ids"] for row in rows]
        self.asked = inputs_of(self.rows)
        self.tasks = torch.tensor([row["task"] for row in rows])

    def go(self):
        return self.generate(self.model, task_ids=self.tasks, **self.asked)

    warm = go

    def check(self):
        """Generates without prompts, for inputs with as many tokens more."""
        return self.generate(self.model.get_base_model(), **inputs_of([longer(row) for row in self.rows]))

    @torch.no_grad()
    def generate(self, model, **inputs):
        options = dict(do_sample=False, num_beams=1, max_new_tokens=NEW_TOKENS)
        return {"ids": model.generate(**inputs, **options)[:, 1:].tolist()}


class Multiplying:
    """Products of the shapes that dominate the other works."""

    def __init__(self, folder, _):
        config = PeftConfig.from_pretrained(folder / "adapter")
        shape = json.loads((folder / "model" / "config.json").read_text())
        d_model, d_ff = shape["d_model"], shape["d_ff"]
        assert config.token_dim == d_model
        inner = shape["num_heads"] * shape["d_kv"]
        sizes = [(POSITIONS, d_model, d_ff), (POSITIONS, d_ff, d_model)]
        sizes += [(POSITIONS, d_model, inner), (ROWS, d_model, d_ff)]
        self.factors = [
            (torch.randn(rows, inner), torch.randn(inner, columns)) for rows, inner, columns in sizes
        ]

    def go(self):
        return {"products": [self.multiply(*factors) for factors in self.factors]}

    warm = go

    @staticmethod
    def multiply(left, right):
        count = PRODUCTS * POSITIONS // len(left)
        begun = time.perf_counter()
        for _ in range(count):
            product = left @ right
        # A GPU is waited for.
        product[-1, -1].item()
        seconds = time.perf_counter() - begun
        operations = 2 * count * left.shape[0] * left.shape[1] * right.shape[1]
        return {"shape": [*left.shape, right.shape[1]], "rate": operations / seconds}


WORKS = {
    "steps": Learning,
    "mixture": Learning,
    "evaluation": Evaluating,
    "generation": Generating,
    "limit": Multiplying,
}


def cold(folder, asked):
    """One text, from process start to its label."""
    model = load_to_infer(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    ids = tokenizer(asked["text"])["input_ids"]
    first = torch.tensor([tokenizer(word)["input_ids"][0] for word in asked["words"]])
    with torch.no_grad():
        logits = model(
            **inputs_of([ids]),
            labels=torch.zeros(1, 1, dtype=torch.long),
            task_ids=torch.tensor([asked["task"]]),
        ).logits
    answer({"label": asked["words"][logits[0, 0, first].argmax().item()], "ids": ids})


def main():
    arguments_parser = parser([*WORKS, "cold"])
    arguments_parser.add_argument("--device", default="cpu")
    arguments_parser.add_argument("--tf32", action="store_true", help="multiply 32-bit floats as TF32")
    arguments = arguments_parser.parse_args()
    # Models, tensors of rows and random factors are created there.
    torch.set_default_device(arguments.device)
    if arguments.tf32:
        torch.set_float32_matmul_precision("high")
    torch.set_num_threads(threads())
    rows = json.loads(arguments.rows.read_text())
    if arguments.work == "cold":
        return cold(arguments.folder, rows)
    work = WORKS[arguments.work](arguments.folder, rows)
    serve(work, torch.backends.cpu.get_cpu_capability())


if __name__ == "__main__":
    main()
