"""Losses of every step that PEFT trains a small T5's prompts with, and the prompts after the last.

    python scripts/generate_peft_training_reference.py

Writes `tests/fixtures/peft_training.json`: rows of tokens of three tasks, and for each run its settings, the loss and the norm of
the gradient of each step, and the final prompt of each task. Runs begin at the adapters of `tests/fixtures/peft`, which
`generate_peft_reference.py` wrote, on the random T5 1.1 of `mtpt-t5/tests/fixtures/v1_1` without dropout.

With the argument `defaults`, writes `tests/fixtures/peft_defaults_training.json` instead, from the adapters with two submodules of
`tests/fixtures/peft_defaults`, which `generate_peft_defaults_reference.py` wrote.

What trains is PEFT's own `forward`, with `labels` and without a mask for the decoder: with one submodule, that is the way
that its defects leave open. The first loss is held to one that PEFT's prompt and its base model, put together by hand, give.
"""

import json
import pathlib
import sys

import torch
from peft import PeftConfig, get_peft_model, set_peft_model_state_dict
from safetensors.torch import load_file
from transformers import (
    T5ForConditionalGeneration,
    get_constant_schedule_with_warmup,
    get_linear_schedule_with_warmup,
)

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE / "../../mtpt-t5/tests/fixtures/v1_1"
DEFAULTS = sys.argv[1:] == ["defaults"]
ADAPTERS = HERE / "../../mtpt-infer/tests/fixtures" / ("peft_defaults" if DEFAULTS else "peft")
OUTPUT = HERE / "../tests/fixtures" / f"{ADAPTERS.name}_training.json"

PAD, END = 0, 94
STEPS = 20
# Tasks of different sizes, so that each starts over at another step. Every batch contains every task:
# PyTorch's AdamW also changes the parameters of missing tasks, since all tasks share one tensor.
SIZES = [5, 4, 7]
BATCH = 6

# A random T5 amplifies the rounding of 32-bit floats: at a learning rate of 0.3, PEFT's own losses in
# 32 and 64 bits differ by a third after 20 steps; at 0.03, by 7e-5. The weight decay is so large that
# omitting it changes losses by a twentieth.
RUNS = {
    "multitask_rank_1": dict(
        learning_rate=0.03, weight_decay=0.1, clip_norm=1.0, warmup_steps=2, decay="linear"
    ),
    "multitask_rank_2": dict(
        learning_rate=0.03, weight_decay=0.1, clip_norm=1.0, warmup_steps=0, decay="linear"
    ),
    "plain": dict(
        learning_rate=0.03, weight_decay=0.1, clip_norm=1.0, warmup_steps=3, decay="constant"
    ),
}
if DEFAULTS:
    RUNS = {"multitask": RUNS["multitask_rank_2"], "plain": RUNS["plain"]}


def make_rows():
    """For each task, pairs of input and target; the target of a task depends on a token of the input."""
    generator = torch.Generator().manual_seed(3)

    def tokens(count):
        return torch.randint(2, 90, (count,), generator=generator).tolist()

    tasks = []
    for task, size in enumerate(SIZES):
        rows = []
        for row in range(size):
            inputs = tokens(2 + (row + task) % 5)
            target = [10 + 7 * task + inputs[0] % 2] * (1 + row % 3)
            rows.append({"input": inputs + [END], "target": target + [END]})
        tasks.append(rows)
    return tasks


def batch_of(tasks, step):
    """Rows in the order of `shuffle = false`: tasks take turns, and so do the rows of a task."""
    picks = []
    for position in range(step * BATCH, (step + 1) * BATCH):
        task = position % len(tasks)
        picks.append((task, tasks[task][position // len(tasks) % len(tasks[task])]))
    return picks


def padded(rows, pad):
    length = max(map(len, rows))
    return torch.tensor([row + [pad] * (length - len(row)) for row in rows])


def schedule_of(optimizer, settings):
    if settings["decay"] == "linear":
        return get_linear_schedule_with_warmup(optimizer, settings["warmup_steps"], STEPS)
    return get_constant_schedule_with_warmup(optimizer, settings["warmup_steps"])


def train(name, settings, tasks):
    base = T5ForConditionalGeneration.from_pretrained(MODEL, dropout_rate=0.0)
    config = PeftConfig.from_pretrained(ADAPTERS / name)
    # As saved, an adapter is for inference, and PEFT loads a prompt for nothing else.
    config.inference_mode = False
    model = get_peft_model(base, config).train()
    set_peft_model_state_dict(model, load_file(ADAPTERS / name / "adapter_model.safetensors"))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert len(trained) == (1 if name == "plain" else 3)
    optimizer = torch.optim.AdamW(
        trained,
        lr=settings["learning_rate"],
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=settings["weight_decay"],
    )
    schedule = schedule_of(optimizer, settings)
    losses, norms = [], []
    for step in range(STEPS):
        picks = batch_of(tasks, step)
        ids = padded([row["input"] for _, row in picks], PAD)
        mask = padded([[1] * len(row["input"]) for _, row in picks], 0)
        labels = padded([row["target"] for _, row in picks], -100)
        task_ids = None if name == "plain" else torch.tensor([task for task, _ in picks])
        asked = dict(input_ids=ids, attention_mask=mask, labels=labels, task_ids=task_ids)
        loss = model(**asked).loss
        if step == 0 and not (DEFAULTS and name == "multitask"):
            by_hand = loss_by_hand(model, ids, mask, labels, task_ids)
            assert abs(by_hand - loss.item()) < 1e-6, (by_hand, loss.item())
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(trained, settings["clip_norm"]).item())
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    with torch.no_grad():
        every_task = None if name == "plain" else torch.arange(len(tasks))
        prompts = model.get_prompt(1 if name == "plain" else len(tasks), task_ids=every_task)
        if name == "plain":
            prompts = prompts[:, : config.num_virtual_tokens]
    return {
        **settings,
        "losses": [float(f"{loss:.7g}") for loss in losses],
        "gradient_norms": [float(f"{norm:.6g}") for norm in norms],
        "prompts": [[float(f"{x:.7g}") for x in prompt] for prompt in prompts.flatten(1).tolist()],
    }


def loss_by_hand(model, ids, mask, labels, task_ids):
    length = model.peft_config["default"].num_virtual_tokens
    prompts = model.get_prompt(batch_size=len(ids), task_ids=task_ids)[:, :length]
    base = model.get_base_model()
    embeddings = torch.cat([prompts, base.get_input_embeddings()(ids)], 1)
    mask = torch.cat([torch.ones(prompts.shape[:2], dtype=mask.dtype), mask], 1)
    with torch.no_grad():
        return base(inputs_embeds=embeddings, attention_mask=mask, labels=labels).loss.item()


def main():
    tasks = make_rows()
    lines = [f'"tasks": {json.dumps(tasks)}', f'"steps": {STEPS}', f'"batch_size": {BATCH}']
    for name, settings in RUNS.items():
        lines.append(f"{json.dumps(name)}: {json.dumps(train(name, settings, tasks))}")
    OUTPUT.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
