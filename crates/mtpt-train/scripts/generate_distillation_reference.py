"""Computes the distillation terms of each target token and prompt gradients with transformers.

    python scripts/generate_distillation_reference.py

Writes `tests/fixtures/distillation.json`: tokens of examples of two tasks, prompts of students and of
longer teachers, and for each setting the terms of every target token and the gradient of each
student's prompt. The model is the random T5 1.1 of `mtpt-t5/tests/fixtures/v1_1`, in double precision.
Each example is computed separately, without padding or masks.
"""

import json
import pathlib

import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax
from transformers import T5ForConditionalGeneration

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE / "../../mtpt-t5/tests/fixtures/v1_1"
OUTPUT = HERE / "../tests/fixtures/distillation.json"

END = 94
STUDENT, TEACHER = 3, 5
BOTH = ["encoder", "decoder"]
SETTINGS = [
    dict(weight=0.9, logits=1.0, hidden=1.0, temperature=1.0, states=BOTH, reduction="mean"),
    dict(weight=0.5, logits=2.0, hidden=0.25, temperature=2.5, states=BOTH, reduction="sum"),
    dict(weight=1.0, logits=0.0, hidden=1.0, temperature=1.0, states=["encoder"], reduction="mean"),
    dict(weight=1.0, logits=0.0, hidden=3.0, temperature=1.0, states=["decoder"], reduction="mean"),
    dict(weight=1.0, logits=1.0, hidden=0.0, temperature=0.7, states=[], reduction="mean"),
]


def read(model, prompt, row):
    """Logits and last hidden states: of the encoder at the tokens of the input, of the decoder at those of the target."""
    embeddings = model.get_input_embeddings()(torch.tensor([row["input"]]))
    embeddings = torch.cat([prompt[None], embeddings], 1)
    read = model(
        inputs_embeds=embeddings, labels=torch.tensor([row["target"]]), output_hidden_states=True
    )
    encoder = read.encoder_last_hidden_state[0, len(prompt) :]
    return read.logits[0], encoder, read.decoder_hidden_states[-1][0]


def reduce(squares, reduction):
    return squares.mean(-1) if reduction == "mean" else squares.sum(-1)


def terms(model, student, teacher, row, setting):
    """Negative log-likelihood, divergence and difference of hidden states of each token of a row's target."""
    logits, encoder, decoder = read(model, student, row)
    with torch.no_grad():
        of_teacher = read(model, teacher, row)
    likelihood = cross_entropy(logits, torch.tensor(row["target"]), reduction="none")
    added, weight, temperature = {}, setting["weight"], setting["temperature"]
    if setting["logits"] > 0:
        ours, theirs = (log_softmax(x / temperature, -1) for x in (logits, of_teacher[0]))
        divergence = kl_div(ours, theirs, log_target=True, reduction="none").sum(-1)
        added["logits"] = weight * setting["logits"] * temperature**2 * divergence
    hidden = torch.zeros_like(likelihood)
    if "encoder" in setting["states"]:
        tokens = reduce((encoder - of_teacher[1]) ** 2, setting["reduction"])
        if setting["reduction"] == "mean":
            hidden = hidden + tokens.mean()
        else:
            hidden = hidden + tokens.sum() / len(row["target"])
    if "decoder" in setting["states"]:
        hidden = hidden + reduce((decoder - of_teacher[2]) ** 2, setting["reduction"])
    if setting["hidden"] > 0:
        added["hidden"] = weight * setting["hidden"] * hidden
    return likelihood, added


def rounded(values):
    return [float(f"{value:.9g}") for value in values]


def main():
    generator = torch.Generator().manual_seed(11)
    model = T5ForConditionalGeneration.from_pretrained(MODEL, dropout_rate=0.0).double().eval()
    model.requires_grad_(False)

    def tokens(count):
        return torch.randint(2, 90, (count,), generator=generator).tolist()

    rows = [
        {"task": task, "input": tokens(length) + [END], "target": tokens(target) + [END]}
        for task, length, target in [(0, 4, 1), (1, 7, 2), (0, 2, 3), (1, 5, 1)]
    ]

    def prompts(length):
        # Rounded to 32-bit floats, so that both sides start from the same values.
        values = torch.randn(2, length, model.config.d_model, generator=generator)
        return values.double()

    students, teachers = prompts(STUDENT), prompts(TEACHER)
    cases = []
    for setting in SETTINGS:
        leaves = students.clone().requires_grad_()
        likelihoods, added = [], {}
        for row in rows:
            task = row["task"]
            likelihood, more = terms(model, leaves[task], teachers[task], row, setting)
            likelihoods.append(likelihood)
            for name, term in more.items():
                added.setdefault(name, []).append(term)
        likelihoods = torch.cat(likelihoods)
        added = {name: torch.cat(parts) for name, parts in added.items()}
        (sum(added.values()) + likelihoods).mean().backward()
        cases.append(
            {
                "setting": setting,
                "likelihood": rounded(likelihoods.tolist()),
                "added": {name: rounded(term.tolist()) for name, term in added.items()},
                "gradients": [rounded(x) for x in leaves.grad.flatten(1).tolist()],
            }
        )
    flat = {
        "students": [rounded(x) for x in students.flatten(1).tolist()],
        "teachers": [rounded(x) for x in teachers.flatten(1).tolist()],
    }
    lines = [f'"rows": {json.dumps(rows)}']
    lines += [f'"{name}": {json.dumps(values)}' for name, values in flat.items()]
    lines.append('"cases": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]")
    OUTPUT.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
