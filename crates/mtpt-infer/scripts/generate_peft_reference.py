"""Generates PEFT adapters of a small T5 and reference values.

    python scripts/generate_peft_reference.py

Writes to `tests/fixtures/peft/`:

- `<name>/`: an adapter saved by PEFT
- `reference.json`: token log-probabilities of targets with each adapter
- `logits.json`: all logits at the positions of the targets

PEFT and transformers compute the values with the random T5 1.1 of `mtpt-t5/tests/fixtures/v1_1`.
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


def logits_at_targets(model, task_ids):
    """Returns logits `[rows, positions, vocabulary]` with the shifted targets as decoder input.

    PEFT's prompts are prepended to the input of the base model by hand, as `forward` of PEFT does
    with one submodule. `forward` itself does not pass on `decoder_input_ids`, and with multitask
    prompts it prepends ones to the decoder's mask.
    """
    ids, mask = padded(INPUTS)
    labels, _ = padded(TARGETS)
    decoder_input_ids = torch.cat([torch.zeros_like(labels[:, :1]), labels[:, :-1]], 1)
    prompts = model.get_prompt(batch_size=len(INPUTS), task_ids=task_ids)
    base = model.get_base_model()
    embeddings = torch.cat([prompts, base.get_input_embeddings()(ids)], 1)
    mask = torch.cat([torch.ones(prompts.shape[:2], dtype=mask.dtype), mask], 1)
    with torch.no_grad():
        return base(
            inputs_embeds=embeddings, attention_mask=mask, decoder_input_ids=decoder_input_ids
        ).logits


def log_probabilities(logits):
    """Returns the log-probabilities of each target's tokens, without padding."""
    labels, mask = padded(TARGETS)
    scores = logits.log_softmax(-1).gather(2, labels[:, :, None])[:, :, 0]
    return [row[: int(tokens.sum())].tolist() for row, tokens in zip(scores, mask)]


def rounded(logits):
    """Returns the logits of each target's tokens, without padding.

    They are rounded to a hundredth of the tolerance of the tests.
    """
    _, mask = padded(TARGETS)
    rows = zip(logits.tolist(), mask.sum(1).tolist())
    return [[[round(x, 6) for x in position] for position in row[:count]] for row, count in rows]


def write_lines(path, values):
    """Writes JSON with one line per adapter."""
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in values.items())
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def save(model, folder, **options):
    model.save_pretrained(folder, **options)
    (folder / "README.md").unlink(missing_ok=True)
    # The path of the base model differs between machines.
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config["base_model_name_or_path"] = "v1_1"
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


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
    all_logits = {}
    for name, config in configs.items():
        torch.manual_seed(len(name))
        model = get_peft_model(T5ForConditionalGeneration.from_pretrained(MODEL), config).eval()
        encoder = model.prompt_encoder["default"]
        with torch.no_grad():
            for parameter in encoder.parameters():
                # PEFT initializes close to zero. Prompts of this size change the logits notably.
                parameter.normal_(0, 1)
        save(model, OUTPUT / name)
        if name == "with_decoder":
            continue
        task_ids = torch.tensor(reference["tasks"]) if name.startswith("multitask") else None
        logits = logits_at_targets(model, task_ids)
        reference["adapters"][name] = log_probabilities(logits)
        all_logits[name] = rounded(logits)
        if name == "multitask_rank_2":
            # The same values in a PyTorch file, and in half precision.
            save(model, OUTPUT / "multitask_rank_2_pickled", safe_serialization=False)
            encoder.to(torch.bfloat16)
            save(model, OUTPUT / "multitask_rank_2_bf16")
    (OUTPUT / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")
    write_lines(OUTPUT / "logits.json", all_logits)


if __name__ == "__main__":
    main()
