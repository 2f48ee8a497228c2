"""What PEFT makes of adapters that `mtpt export` wrote.

    python scripts/generate_peft_exports.py PATH/TO/mtpt

Writes `tests/fixtures/peft_exports/<name>.safetensors` (prompts), `<name>/` (the adapter that `mtpt export` makes of them)
and `logits.json` (logits at the positions of targets, computed by PEFT and transformers with the adapter loaded by
`PeftModel.from_pretrained`). Inputs, targets and model are those of `generate_peft_reference.py`.

A test holds that today's export has the bytes of these adapters, so that PEFT's numbers go on to be those of what is
exported.
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
# The tasks of the rows, by position.
ROWS = [0, 2, 1]
TASKS = [
    {"name": "mood", "template": "mood {text}", "labels": {"0": "happy", "1": "sad"}},
    {"name": "sky/wet", "template": "wet {text}", "labels": {"dry": "dry", "soaked": "soaked"}},
    {"name": "topic"},
]


def prompts(name):
    """The composition of a prompt file and its tensors."""
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
    # The name of what is exported, and the task that is exported alone, if one is.
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
