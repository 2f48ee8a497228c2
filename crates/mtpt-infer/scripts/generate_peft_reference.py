"""Adapters that PEFT writes for a small T5, and what the T5 makes of them.

    python scripts/generate_peft_reference.py

Writes `tests/fixtures/peft/<name>/` (the adapter as PEFT saves it), `tests/fixtures/peft/reference.json`: token
log-probabilities of targets with each adapter, and `tests/fixtures/peft/logits.json`: all logits at the positions of the
targets, both computed by PEFT and transformers. The T5 is the random T5 1.1 of `mtpt-t5/tests/fixtures/v1_1`.
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
    """Logits `[rows, positions, vocabulary]` where the decoder reads the targets behind the start token.

    They are PEFT's prompt and its base model put together by hand, as PEFT's `forward` does it with one submodule: that
    itself does not hand `decoder_input_ids` on, and for multitask prompts puts ones in front of the decoder's mask.
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
    """Of each target's tokens, padding left out."""
    labels, mask = padded(TARGETS)
    scores = logits.log_softmax(-1).gather(2, labels[:, :, None])[:, :, 0]
    return [row[: int(kept.sum())].tolist() for row, kept in zip(scores, mask)]


def rounded(logits):
    """Logits of each target's tokens, padding left out, to a hundredth of what the tests allow."""
    _, mask = padded(TARGETS)
    rows = zip(logits.tolist(), mask.sum(1).tolist())
    return [[[round(x, 6) for x in position] for position in row[:kept]] for row, kept in rows]


def write_lines(path, values):
    """JSON with a line for each adapter."""
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in values.items())
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def save(model, folder, **options):
    model.save_pretrained(folder, **options)
    (folder / "README.md").unlink(missing_ok=True)
    # Where the base model lay is of no interest to anyone else.
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
                # PEFT's own start is next to nothing: numbers of this size make a prompt that is felt.
                parameter.normal_(0, 1)
        save(model, OUTPUT / name)
        if name == "with_decoder":
            continue
        task_ids = torch.tensor(reference["tasks"]) if name.startswith("multitask") else None
        logits = logits_at_targets(model, task_ids)
        reference["adapters"][name] = log_probabilities(logits)
        all_logits[name] = rounded(logits)
        if name == "multitask_rank_2":
            # The same numbers as PyTorch pickles them, and in half the bits.
            save(model, OUTPUT / "multitask_rank_2_pickled", safe_serialization=False)
            encoder.to(torch.bfloat16)
            save(model, OUTPUT / "multitask_rank_2_bf16")
    (OUTPUT / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")
    write_lines(OUTPUT / "logits.json", all_logits)


if __name__ == "__main__":
    main()
