"""Generates adapters that PEFT writes with its default settings, and reference values.

    python scripts/generate_peft_defaults_reference.py

Writes to `tests/fixtures/peft_defaults/`:

- `<name>/`: an adapter saved by PEFT after a few steps of training, in 32-bit floats or bf16
- `reference.json`: for each adapter and row, the log-probabilities of the target's tokens by PEFT's
  `forward`, the texts of PEFT's `generate`, greedy and with beams, and the greedy text that follows
  from `forward` token by token

By default, the number of submodules of a sequence-to-sequence model is 2: an adapter has as many
vectors for the decoder as for the encoder. The base model is the random T5 1.1 of
`mtpt-t5/tests/fixtures/v1_1`. Bf16 adapters are loaded as PEFT loads them, which converts them to
32-bit floats.
"""

import json
import shutil

import torch
from peft import MultitaskPromptTuningConfig, PeftModel, PromptTuningConfig, get_peft_model
from transformers import T5ForConditionalGeneration

from generate_peft_reference import HERE, INPUTS, MODEL, PAD, TARGETS, padded, save

OUTPUT = HERE / "../tests/fixtures/peft_defaults"
LENGTH, TASKS = 4, [0, 2, 1]
STEPS, MAX_NEW_TOKENS = 12, 8

COMMON = dict(task_type="SEQ_2_SEQ_LM", num_virtual_tokens=LENGTH)
CONFIGS = {
    "plain": PromptTuningConfig(**COMMON),
    "multitask": MultitaskPromptTuningConfig(num_tasks=3, num_ranks=2, **COMMON),
}


def base_model():
    # Dropout is off, so that training is the same on every machine.
    return T5ForConditionalGeneration.from_pretrained(
        MODEL, dropout_rate=0.0, dtype=torch.float32
    )


def tasks_of(name):
    """Returns the task of each row, if the adapter has tasks."""
    return torch.tensor(TASKS) if name.startswith("multitask") else None


def batch(task_ids, pad_label):
    ids, mask = padded(INPUTS)
    length = max(map(len, TARGETS))
    labels = torch.tensor([row + [pad_label] * (length - len(row)) for row in TARGETS])
    return dict(input_ids=ids, attention_mask=mask, labels=labels, task_ids=task_ids)


def train(name, config):
    torch.manual_seed(len(name))
    model = get_peft_model(base_model(), config).train()
    encoder = model.prompt_encoder["default"]
    with torch.no_grad():
        for parameter in encoder.parameters():
            # Prompts of PEFT's initial size hardly change the logits.
            parameter.normal_(0, 1)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=0.1)
    for _ in range(STEPS):
        loss = model(**batch(tasks_of(name), -100)).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def log_probabilities(model, task_ids):
    """Returns the log-probabilities of the targets' tokens by PEFT's `forward`."""
    arguments = batch(task_ids, PAD)
    with torch.no_grad():
        logits = model(**arguments).logits
    # With a prompt of the decoder, the logits at its positions come first.
    length = arguments["labels"].shape[1]
    scores = logits[:, -length:].log_softmax(-1)
    scores = scores.gather(2, arguments["labels"][:, :, None])[:, :, 0]
    return [row[: len(target)].tolist() for row, target in zip(scores, TARGETS)]


def without_padding(row):
    """Removes the start token, and everything after the end token."""
    row = row[1:]
    return row[: row.index(94) + 1] if 94 in row else row


def generated(model, task_ids, num_beams):
    """Returns the texts of PEFT's `generate`."""
    arguments = batch(task_ids, PAD)
    del arguments["labels"]
    if arguments["task_ids"] is None:
        del arguments["task_ids"]
    texts = model.generate(
        **arguments, num_beams=num_beams, do_sample=False, max_new_tokens=MAX_NEW_TOKENS
    )
    return [without_padding(row) for row in texts.tolist()]


def greedy_by_forward(model, task_ids):
    """Returns texts whose tokens have the highest logits of PEFT's `forward`, one by one."""
    arguments = batch(task_ids, PAD)
    texts = []
    for row in range(len(INPUTS)):
        text = []
        while len(text) < MAX_NEW_TOKENS and (not text or text[-1] != 94):
            one = {key: None if x is None else x[row : row + 1] for key, x in arguments.items()}
            # The logits at a position don't depend on the token there.
            one["labels"] = torch.tensor([text + [PAD + 2]])
            with torch.no_grad():
                text.append(int(model(**one).logits[0, -1].argmax()))
        texts.append(text)
    return texts


def main():
    shutil.rmtree(OUTPUT, ignore_errors=True)
    reference = {"inputs": INPUTS, "targets": TARGETS, "tasks": TASKS}
    reference["max_new_tokens"] = MAX_NEW_TOKENS
    for name, config in CONFIGS.items():
        model = train(name, config)
        save(model, OUTPUT / name)
        model.prompt_encoder["default"].to(torch.bfloat16)
        save(model, OUTPUT / f"{name}_bf16")
    for folder in sorted(path for path in OUTPUT.iterdir() if path.is_dir()):
        name = folder.name
        config = json.loads((folder / "adapter_config.json").read_text())
        assert config["num_transformer_submodules"] == 2, config
        model = PeftModel.from_pretrained(base_model(), folder).eval()
        tasks = tasks_of(name)
        reference[name] = {
            "log_probabilities": log_probabilities(model, tasks),
            "greedy": generated(model, tasks, 1),
            "beams": generated(model, tasks, 4),
            "greedy_by_forward": greedy_by_forward(model, tasks),
        }
    (OUTPUT / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    main()
