"""Writes a random T5 and random prompts for it, which both sides read.

    python make_models.py --shape small --tokenizer FOLDER --output FOLDER

Writes `model/` (T5-small's or T5-base's shape, in transformers' form, with a tokenizer beside it) and `adapter/` (PEFT's multitask
prompt tuning: 100 vectors, 8 tasks, rank 1).
"""

import argparse
import pathlib
import shutil

import torch
from peft import MultitaskPromptTuningConfig, TaskType, get_peft_model
from transformers import T5Config, T5ForConditionalGeneration

SHAPES = {
    "small": dict(d_model=512, d_kv=64, d_ff=2048, num_layers=6, num_heads=8),
    "base": dict(d_model=768, d_kv=64, d_ff=3072, num_layers=12, num_heads=12),
}
VIRTUAL_TOKENS = 100
TASKS = 8
END = 1


def make_model(shape):
    # No dropout, so that training is the same on both sides.
    config = T5Config(
        vocab_size=32128,
        dropout_rate=0.0,
        feed_forward_proj="relu",
        tie_word_embeddings=True,
        decoder_start_token_id=0,
        **SHAPES[shape],
    )
    model = T5ForConditionalGeneration(config)
    with torch.no_grad():
        # With embeddings as large as transformers samples them, the decoder would repeat its last token forever, while
        # its output should depend on all layers. With a small embedding, the end-of-sequence token is never the most
        # probable one, so every text reaches the maximum length.
        model.shared.weight.mul_(0.05)
        model.shared.weight[END].mul_(0.1)
    return model


def make_adapter(model):
    config = MultitaskPromptTuningConfig(
        task_type=TaskType.SEQ_2_SEQ_LM,
        num_virtual_tokens=VIRTUAL_TOKENS,
        num_transformer_submodules=1,
        num_tasks=TASKS,
        num_ranks=1,
        prompt_tuning_init="RANDOM",
    )
    adapter = get_peft_model(model, config)
    with torch.no_grad():
        # PEFT starts the tasks' vectors near 0, where a prompt is of the size of rounding; near 1 it is near the shared one.
        encoder = adapter.prompt_encoder["default"]
        encoder.prefix_task_cols.add_(1.0)
        encoder.prefix_task_rows.add_(1.0)
    return adapter


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--tokenizer", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    model = make_model(arguments.shape)
    folder = arguments.output / "model"
    model.save_pretrained(folder)
    for name in ["tokenizer.json", "tokenizer_config.json"]:
        shutil.copyfile(arguments.tokenizer / name, folder / name)
    make_adapter(model).save_pretrained(arguments.output / "adapter")


if __name__ == "__main__":
    main()
