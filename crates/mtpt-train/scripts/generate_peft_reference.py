"""Adapters that PEFT writes for a small T5, and what the T5 makes of them.

    python scripts/generate_peft_reference.py

Writes `tests/fixtures/peft/<name>/` (the adapter as PEFT saves it) and `tests/fixtures/peft/reference.json`: token
log-probabilities of targets with each adapter, computed by PEFT and transformers. The T5 is the random T5 1.1 of
`mtpt-t5/tests/fixtures/v1_1`.
"""

import json
import pathlib
import shutil

import torch
from peft import MultitaskPromptTuningConfig, PromptTuningConfig, get_peft_model
from transformers import T5ForConditionalGeneration

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE / "../../mtpt-t5/tests/fixtures/v1_1"
OUTPUT = HERE / "../tests/fixtures/peft"

INPUTS = [[5, 9, 30, 94], [7, 61, 94], [44, 12, 80, 3, 94]]
TARGETS = [[17, 94], [20, 21, 94], [33, 94]]
PAD = 0


def padded(rows):
    length = max(map(len, rows))
    ids = torch.tensor([row + [PAD] * (length - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
    return ids, mask


def log_probabilities(model, task_ids):
    ids, mask = padded(INPUTS)
    labels, target_mask = padded(TARGETS)
    decoder_input_ids = torch.cat([torch.zeros_like(labels[:, :1]), labels[:, :-1]], 1)
    # PEFT does not hand decoder inputs on; so its prompt is put in front by hand, as its own `forward` does it.
    prompts = model.get_prompt(batch_size=len(INPUTS), task_ids=task_ids)
    base = model.get_base_model()
    embeddings = torch.cat([prompts, base.get_input_embeddings()(ids)], 1)
    mask = torch.cat([torch.ones(prompts.shape[:2], dtype=mask.dtype), mask], 1)
    with torch.no_grad():
        logits = base(
            inputs_embeds=embeddings, attention_mask=mask, decoder_input_ids=decoder_input_ids
        ).logits
    scores = logits.log_softmax(-1).gather(2, labels[:, :, None])[:, :, 0]
    return [row[: int(kept.sum())].tolist() for row, kept in zip(scores, target_mask)]


def main():
    common = dict(
        task_type="SEQ_2_SEQ_LM", num_virtual_tokens=5, num_transformer_submodules=1, token_dim=16
    )
    configs = {
        "multitask_rank_1": MultitaskPromptTuningConfig(num_tasks=3, num_ranks=1, **common),
        "multitask_rank_2": MultitaskPromptTuningConfig(num_tasks=3, num_ranks=2, **common),
        "plain": PromptTuningConfig(**common),
        "with_decoder": PromptTuningConfig(**{**common, "num_transformer_submodules": 2}),
    }
    shutil.rmtree(OUTPUT, ignore_errors=True)
    reference = {"inputs": INPUTS, "targets": TARGETS, "tasks": [0, 2, 1], "adapters": {}}
    for name, config in configs.items():
        torch.manual_seed(len(name))
        model = get_peft_model(T5ForConditionalGeneration.from_pretrained(MODEL), config).eval()
        encoder = model.prompt_encoder["default"]
        with torch.no_grad():
            for parameter in encoder.parameters():
                # PEFT's own start is next to nothing: numbers of this size make a prompt that is felt.
                parameter.normal_(0, 1)
        model.save_pretrained(OUTPUT / name)
        (OUTPUT / name / "README.md").unlink(missing_ok=True)
        # Where the base model lay is of no interest to anyone else.
        path = OUTPUT / name / "adapter_config.json"
        config = json.loads(path.read_text())
        config["base_model_name_or_path"] = "v1_1"
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
        if name != "with_decoder":
            multitask = name.startswith("multitask")
            task_ids = torch.tensor(reference["tasks"]) if multitask else None
            reference["adapters"][name] = log_probabilities(model, task_ids)
    (OUTPUT / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    main()
