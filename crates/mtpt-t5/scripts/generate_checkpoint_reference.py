"""Writes checkpoints of a tiny T5 as training programs store them, and transformers' results.

    pip install -r scripts/checkpoint_requirements.txt
    python scripts/generate_checkpoint_reference.py

`ties` in `reference.json` has an entry for every combination of present and absent embedding
tables, with equal and different values: whether the encoder and the decoder use the same table, and
the log-probabilities.
"""

import itertools
import json
import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import T5Config, T5ForConditionalGeneration
from transformers.utils import logging

logging.set_verbosity_error()
FOLDER = Path(__file__).parent.parent / "tests" / "fixtures" / "checkpoints"
SIZES = dict(
    vocab_size=12,
    d_model=4,
    d_kv=2,
    d_ff=6,
    num_heads=2,
    num_layers=1,
    num_decoder_layers=1,
    relative_attention_num_buckets=8,
    decoder_start_token_id=0,
)
INPUTS = [[3, 7, 5, 1], [9, 1]]
TARGETS = [[4, 8, 1], [6, 11, 2, 1]]
TABLES = {
    "shared": "shared.weight",
    "encoder": "encoder.embed_tokens.weight",
    "decoder": "decoder.embed_tokens.weight",
    "head": "lm_head.weight",
}


def log_probabilities(model):
    model.eval()
    rows = []
    for input_ids, target_ids in zip(INPUTS, TARGETS):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([input_ids]), labels=torch.tensor([target_ids])).logits
        scores = logits[0].float().log_softmax(-1)
        rows.append([scores[i, t].item() for i, t in enumerate(target_ids)])
    return rows


def tiny():
    torch.manual_seed(3)
    model = T5ForConditionalGeneration(T5Config(**SIZES))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "layer_norm" in name:
                parameter.uniform_(0.5, 1.5)
            else:
                parameter.normal_(0.0, 0.8)
    return model


def ties(state, config):
    """For each table: absent, the table, or the table with its rows in reverse order."""
    table = state["shared.weight"]
    values = {None: None, "table": table, "reversed": table.flip(0).contiguous()}
    entries = []
    for choice in itertools.product(values, repeat=4):
        tensors = {name: tensor for name, tensor in state.items() if name != "shared.weight"}
        entry = dict(zip(TABLES, choice))
        for key, value in entry.items():
            if value is not None:
                tensors[TABLES[key]] = values[value].clone()
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "config.json").write_text(json.dumps(config))
            save_file(tensors, Path(folder) / "model.safetensors", metadata={"format": "pt"})
            model = T5ForConditionalGeneration.from_pretrained(folder)
        encoder, decoder = model.encoder.embed_tokens.weight, model.decoder.embed_tokens.weight
        present = any(value is not None for value in choice)
        entry["one_table"] = present and bool(torch.equal(encoder, decoder))
        if entry["one_table"]:
            entry["log_probabilities"] = log_probabilities(model)
        entries.append(entry)
    return entries


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    model = tiny()
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        shutil.copy(Path(folder) / "config.json", FOLDER)
        shutil.copy(Path(folder) / "model.safetensors", FOLDER)
    state = load_file(FOLDER / "model.safetensors")
    config = json.loads((FOLDER / "config.json").read_text())
    untied = {name: value for name, value in config.items() if name != "scale_decoder_outputs"}
    untied["tie_word_embeddings"] = False
    reference = {
        "inputs": INPUTS,
        "targets": TARGETS,
        "token_log_probabilities": log_probabilities(model),
        "ties": ties(state, config),
        "ties_unscaled": ties(state, untied),
    }
    (FOLDER / "reference.json").write_text(json.dumps(reference) + "\n")

    # The state dictionary of PyTorch, with the table under all its names.
    full = model.state_dict()
    prefixed = {f"model.{name}": tensor for name, tensor in full.items()}
    optimizer = {"state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.zeros(2, 2)}}, "param_groups": [{"lr": 0.1}]}
    torch.save(
        {
            "epoch": 2,
            "global_step": 30,
            "pytorch-lightning_version": "2.5.0",
            "state_dict": prefixed,
            "loops": {"fit_loop": {"state_dict": {}}},
            "callbacks": {},
            "optimizer_states": [optimizer],
            "lr_schedulers": [],
            "hyper_parameters": {"learning_rate": 0.1, "name": "tiny"},
        },
        FOLDER / "lightning.ckpt",
    )
    torch.save(
        {"epoch": 2, "model_state_dict": full, "optimizer_state_dict": optimizer, "loss": 0.5},
        FOLDER / "nested.pt",
    )
    torch.save(
        {f"module.{name}": tensor for name, tensor in full.items()},
        FOLDER / "before_1_6.bin",
        _use_new_zipfile_serialization=False,
    )
    torch.save(model, FOLDER / "whole.pt")
    torch.save({name: tensor.double() for name, tensor in full.items()}, FOLDER / "f64.bin")
    torch.save({name: tensor.to(torch.float8_e4m3fn) for name, tensor in full.items()}, FOLDER / "fp8.bin")
    torch.save({"epoch": 3, "hyper_parameters": {"name": "tiny"}}, FOLDER / "empty.ckpt")


if __name__ == "__main__":
    main()
