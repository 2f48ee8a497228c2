"""Generates reference logits of PEFT for adapters exported by `mtpt export`.

    python scripts/generate_peft_exports.py PATH/TO/mtpt

Writes to `tests/fixtures/peft_exports/`:

- `<name>.safetensors`: random prompts
- `<name>/`: the adapter to which `mtpt export` converts them
- `logits.json`: logits at the positions of the targets, computed by PEFT and transformers with the
  adapter loaded by `PeftModel.from_pretrained`

Inputs, targets and model are those of `generate_peft_reference.py`.

A test checks that exports have the bytes of these adapters, so the logits apply to them too.
"""

import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import torch
from peft import PeftModel
from safetensors.numpy import save_file
from transformers import T5ForConditionalGeneration

from generate_peft_reference import HERE, MODEL, logits_at_targets, rounded, write_lines

OUTPUT = HERE / "../tests/fixtures/peft_exports"
LENGTH, WIDTH, RANK, TASK_LENGTH = 5, 16, 2, 3
# Task of each row.
ROWS = [0, 2, 1]
TASKS = [
    {"name": "mood", "template": "mood {text}", "labels": {"0": "happy", "1": "sad"}},
    {"name": "sky/wet", "template": "wet {text}", "labels": {"dry": "dry", "soaked": "soaked"}},
    {"name": "topic"},
]


def prompts(name):
    """Returns the composition and the tensors of a prompt file."""
    rng = np.random.default_rng(len(name))

    def normal(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    tensors = {"shared": normal(LENGTH, WIDTH)}
    for task in range(len(TASKS)):
        if name.startswith("low_rank"):
            tensors[f"tasks.{task}.left"] = normal(LENGTH, RANK)
            tensors[f"tasks.{task}.right"] = normal(RANK, WIDTH)
        else:
            tensors[f"tasks.{task}"] = normal(TASK_LENGTH, WIDTH)
    if name.startswith("low_rank"):
        return {"strategy": "low_rank", "rank": RANK}, tensors
    return {"strategy": "concat", "task_length": TASK_LENGTH}, tensors


def main():
    mtpt = sys.argv[1]
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    # Names of the exports. One with a task exports the prompt of this task alone.
    exports = {"low_rank": None, "low_rank_of_wet": "sky/wet", "concat_of_topic": "topic"}
    all_logits = {}
    for name, task in exports.items():
        composition, tensors = prompts(name)
        header = {
            "version": 1,
            "composition": composition,
            "length": LENGTH,
            "d_model": WIDTH,
            "model": "v1_1",
            "max_input_length": 128,
            "steps": 30,
            "tasks": TASKS,
        }
        file, folder = OUTPUT / f"{name}.safetensors", OUTPUT / name
        save_file(tensors, file, metadata={"mtpt": json.dumps(header)})
        command = [mtpt, "export", "--format", "peft", "--prompts", file, "--output", folder]
        subprocess.run(command + (["--task", task] if task else []), check=True)
        base = T5ForConditionalGeneration.from_pretrained(MODEL)
        model = PeftModel.from_pretrained(base, folder).eval()
        assert model.get_base_model() is base
        task_ids = None if task else torch.tensor(ROWS)
        all_logits[name] = rounded(logits_at_targets(model, task_ids))
    write_lines(OUTPUT / "logits.json", all_logits)


if __name__ == "__main__":
    main()
