"""Generates reference values of PEFT for exported prompts with vectors for the decoder.

    python scripts/generate_peft_decoder_exports.py PATH/TO/mtpt

Writes to `tests/fixtures/peft_decoder_exports/`:

- `prompts.safetensors`: random prompts of three tasks, for the encoder and the decoder
- `all/`, `wet/`: the adapters to which `mtpt export` converts all tasks, and one of them
- `reference.json`: log-probabilities of targets by PEFT's `forward`, and greedy texts by PEFT's
  `generate`, with the adapters loaded by `PeftModel.from_pretrained`

Inputs, targets and model are those of `generate_peft_reference.py`. A test checks that exports have
the bytes of these adapters, so the values apply to them too.
"""

import json
import shutil
import subprocess
import sys

import numpy as np
import torch
from peft import PeftModel
from safetensors.numpy import save_file

from generate_peft_defaults_reference import base_model, generated, log_probabilities
from generate_peft_exports import RANK, ROWS, TASKS, WIDTH
from generate_peft_reference import HERE

OUTPUT = HERE / "../tests/fixtures/peft_decoder_exports"
LENGTH = 4


def main():
    mtpt = sys.argv[1]
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    rng = np.random.default_rng(6)

    def normal(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    tensors = {"shared": normal(2 * LENGTH, WIDTH)}
    for task in range(len(TASKS)):
        tensors[f"tasks.{task}.left"] = normal(2 * LENGTH, RANK)
        tensors[f"tasks.{task}.right"] = normal(RANK, WIDTH)
    header = {
        "version": 1,
        "composition": {"strategy": "low_rank", "rank": RANK},
        "length": LENGTH,
        "decoder_length": LENGTH,
        "d_model": WIDTH,
        "model": "v1_1",
        "max_input_length": 128,
        "steps": 30,
        "tasks": TASKS,
    }
    file = OUTPUT / "prompts.safetensors"
    save_file(tensors, file, metadata={"mtpt": json.dumps(header)})
    reference = {}
    for name, task in {"all": None, "wet": "sky/wet"}.items():
        folder = OUTPUT / name
        command = [mtpt, "export", "--format", "peft", "--prompts", file, "--output", folder]
        subprocess.run(command + (["--task", task] if task else []), check=True)
        base = base_model()
        model = PeftModel.from_pretrained(base, folder).eval()
        assert model.get_base_model() is base
        tasks = torch.zeros(len(ROWS), dtype=torch.long) if task else torch.tensor(ROWS)
        reference[name] = {
            "log_probabilities": log_probabilities(model, tasks),
            "greedy": generated(model, tasks, 1),
        }
    (OUTPUT / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    main()
