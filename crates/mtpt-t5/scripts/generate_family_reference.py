"""Writes small random checkpoints of the whole T5 family, and what transformers computes with them,
to tests/fixtures/family.

    pip install -r scripts/family_requirements.txt
    python scripts/generate_family_reference.py

The numbers are those of CPU in single precision, without dropout. Running it again with the versions
of family_requirements.txt gives the same files.
"""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from generate_reference import padded, random_rows, results, rounded, token_log_probabilities, until_end, with_end_token
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForSeq2SeqLM,
    LongT5Config,
    MT5Config,
    T5Config,
    UMT5Config,
)

FAMILY = Path(__file__).parent.parent / "tests" / "fixtures" / "family"
CONFIGS = {"t5": T5Config, "mt5": MT5Config, "umt5": UMT5Config, "longt5": LongT5Config}
SMALL = dict(vocab_size=64, d_model=16, d_kv=4, d_ff=20, num_heads=4, num_layers=2, num_decoder_layers=2)
GATED = dict(SMALL, feed_forward_proj="gated-gelu")

# Name, model type, settings, whether it is written as transformers 4 wrote the original checkpoints
# (`tie_word_embeddings: false` and a separate head), seed.
VARIANTS = [
    ("mt5", "mt5", SMALL, False, 41),
    ("mt5_v4", "mt5", SMALL, True, 42),
    ("umt5", "umt5", SMALL, False, 43),
    ("umt5_v4", "umt5", dict(SMALL, num_layers=1, num_decoder_layers=3), True, 44),
    # The shape of ByT5: an encoder three times as deep as the decoder, 256 bytes and special tokens.
    ("byt5", "t5", dict(GATED, vocab_size=384, d_model=12, num_heads=2, d_ff=8, num_layers=3, num_decoder_layers=1), True, 61),
    # As Flan-UL2: gated silu and wide heads, here wider than the model divided by their number.
    (
        "flan_ul2",
        "t5",
        dict(SMALL, num_heads=2, d_kv=24, feed_forward_proj="gated-silu", num_layers=1, num_decoder_layers=1),
        True,
        46,
    ),
    ("longt5_local", "longt5", dict(SMALL, encoder_attention_type="local", local_radius=3), False, 47),
    (
        "longt5_global",
        "longt5",
        dict(GATED, encoder_attention_type="transient-global", local_radius=4, global_block_size=3),
        False,
        48,
    ),
    # As the published checkpoints, with blocks of 16 tokens; the decoder is deeper than the encoder.
    (
        "longt5_global_v4",
        "longt5",
        dict(
            GATED, encoder_attention_type="transient-global", local_radius=9, num_layers=2, num_decoder_layers=3,
            d_ff=12,
        ),
        True,
        49,
    ),
]

# Keys that transformers 4 did not write.
NOT_IN_V4 = ["scale_decoder_outputs", "dtype", "is_decoder", "bos_token_id", "classifier_dropout"]


def is_scaled(config):
    return getattr(config, "scale_decoder_outputs", False)


def fresh(model_type, settings, original, seed):
    """A model whose every part matters: norms are not all ones, positions count, logits lie apart."""
    torch.manual_seed(seed)
    config = CONFIGS[model_type](decoder_start_token_id=0, tie_word_embeddings=not original, **settings)
    model = AutoModelForSeq2SeqLM.from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name == "shared.weight":
                # Small beside what the layers add: else a tied head says the last token again.
                parameter.mul_(0.05)
            elif name == "decoder.final_layer_norm.weight":
                parameter.uniform_(60.0, 100.0)
                if not is_scaled(config):
                    parameter.mul_(config.d_model**-0.5)
            elif "layer_norm" in name:
                parameter.uniform_(0.5, 1.5)
            elif "relative_attention_bias" in name:
                parameter.normal_(0.0, 1.0)
            elif "EncDecAttention" in name:
                parameter.mul_(3.0)
    return model


def write(model, folder, name, original):
    """Writes a checkpoint as transformers 5 does, or as transformers 4 wrote the original ones."""
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if not original:
        return
    state = load_file(folder / "model.safetensors")
    state["lm_head.weight"] = torch.randn_like(state["shared.weight"]) / 20
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    for key in NOT_IN_V4:
        config.pop(key, None)
    config.update(tie_word_embeddings=False, torch_dtype="float32", transformers_version="4.57.1")
    if name == "byt5":
        config["tokenizer_class"] = "ByT5Tokenizer"
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def load(folder):
    return AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()


def with_prompt(model, prompt, inputs):
    """Embeddings of rows behind a prompt, and their mask."""
    ids, mask = padded(inputs)
    rows = prompt.unsqueeze(0).expand(len(inputs), -1, -1)
    embeddings = torch.cat([rows, model.get_input_embeddings()(ids).detach()], 1)
    return embeddings, torch.cat([torch.ones(len(inputs), len(prompt), dtype=mask.dtype), mask], 1)


def prompted(model, inputs, targets, length, seed):
    """Log-probabilities, greedy texts and the gradient of the mean loss with a prompt in front."""
    generator = torch.Generator().manual_seed(seed)
    prompt = rounded((torch.randn(length, model.config.d_model, generator=generator) / 4).flatten().tolist())
    tensor = torch.tensor(prompt).reshape(length, -1).requires_grad_()
    embeddings, mask = with_prompt(model, tensor, inputs)
    decoder_ids, counted = padded([[0] + target[:-1] for target in targets])
    labels, _ = padded(targets)
    logits = model(inputs_embeds=embeddings, attention_mask=mask, decoder_input_ids=decoder_ids).logits
    chosen = torch.log_softmax(logits, -1).gather(2, labels.unsqueeze(2)).squeeze(2)
    loss = -(chosen * counted).sum() / counted.sum()
    loss.backward()
    use_cache = model.config.num_decoder_layers <= model.config.num_layers
    greedy = model.generate(
        inputs_embeds=embeddings.detach(), attention_mask=mask, do_sample=False, num_beams=1,
        use_cache=use_cache, max_new_tokens=10,
    )
    eos = model.config.eos_token_id
    greedy = [until_end(row[1:], eos) for row in greedy.tolist()]
    rows = zip(chosen.tolist(), targets)
    return {
        "prompt": prompt,
        "token_log_probabilities": [rounded(row[: len(target)]) for row, target in rows],
        "greedy": greedy,
        "loss": loss.item(),
        "gradient": rounded(tensor.grad.flatten().tolist()),
    }


def apart(first, second):
    return max(abs(a - b) for rows in zip(first, second) for a, b in zip(*rows))


def reference(folder, seed):
    model = load(folder)
    generator = torch.Generator().manual_seed(100 + seed)
    vocab_size = model.config.vocab_size
    inputs = random_rows(generator, vocab_size, [3, 12, 7, 1, 9, 10])
    targets = random_rows(generator, vocab_size, [4, 1, 6, 2, 9, 3])
    long_inputs = random_rows(generator, vocab_size, [300, 97, 33])
    long_targets = random_rows(generator, vocab_size, [5, 12, 3])

    model = with_end_token(model, folder, inputs)
    eos = model.config.eos_token_id
    result = {
        **results(model, (inputs, targets), (long_inputs, long_targets)),
        "prompted": prompted(model, inputs, targets, 5, seed),
        "long_prompted": prompted(model, long_inputs, long_targets, 7, seed + 1),
    }
    # The result of a row depends on its padding by rounding only, with a prompt too.
    alone = [
        token_log_probabilities(model, [row], [target])[0]
        for row, target in zip(inputs + long_inputs, targets + long_targets)
    ]
    padding = apart(alone, result["token_log_probabilities"] + result["long"]["token_log_probabilities"])
    prompts = [prompted(model, [row], [target], 5, seed) for row, target in zip(inputs, targets)]
    padding = max(padding, apart(
        [scores["token_log_probabilities"][0] for scores in prompts], result["prompted"]["token_log_probabilities"]
    ))
    (folder / "reference.json").write_text(json.dumps(result) + "\n")
    ends = sum(eos in text for text in result["greedy"])
    distinct = len({tuple(text) for text in result["greedy"]})
    size = (folder / "model.safetensors").stat().st_size
    print(f"{folder.name}: {size} bytes, end {eos}, {ends} of {distinct} distinct greedy texts end,",
          [sum(eos in text for text in search["texts"]) for search in result["searches"]], f"padding {padding:.1e}")


def scaling():
    """Log-probabilities of one row for every combination of the fields that may scale the head's input."""
    inputs, targets = [[5, 9, 23, 40, 7]], [[12, 3, 33]]
    table = []
    for name, model_types in [
        ("mt5", ["t5", "mt5"]),
        ("mt5_v4", ["t5", "mt5"]),
        ("umt5", ["umt5"]),
        ("umt5_v4", ["umt5"]),
        ("longt5_local", ["longt5"]),
        ("longt5_global_v4", ["longt5"]),
    ]:
        original = json.loads((FAMILY / name / "config.json").read_text())
        for model_type in model_types:
            for tied in [None, True, False]:
                for scaled in [None, True, False]:
                    for version in ["4.57.1", "5.24.0"]:
                        fields = {"model_type": model_type, "transformers_version": version}
                        if tied is not None:
                            fields["tie_word_embeddings"] = tied
                        if scaled is not None:
                            fields["scale_decoder_outputs"] = scaled
                        config = dict(original)
                        config.pop("tie_word_embeddings", None)
                        config.pop("scale_decoder_outputs", None)
                        config.pop("architectures")
                        config.update(fields)
                        with tempfile.TemporaryDirectory() as folder:
                            shutil.copy(FAMILY / name / "model.safetensors", folder)
                            (Path(folder) / "config.json").write_text(json.dumps(config))
                            scores = token_log_probabilities(load(folder), inputs, targets)[0]
                        table.append(dict(folder=name, fields=fields, token_log_probabilities=rounded(scores)))
    (FAMILY / "scaling.json").write_text(
        json.dumps(dict(inputs=inputs, targets=targets, cases=table)) + "\n"
    )
    print(f"{len(table)} ways to scale")


def defaults():
    """What transformers takes a sparse configuration for."""
    wanted = [
        "vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_decoder_layers", "num_heads",
        "relative_attention_num_buckets", "relative_attention_max_distance", "dropout_rate", "layer_norm_epsilon",
        "dense_act_fn", "is_gated_act", "scale_decoder_outputs", "local_radius", "global_block_size",
        "encoder_attention_type", "pad_token_id", "eos_token_id",
    ]
    table = []
    for fields in [
        {"model_type": "t5"},
        {"model_type": "mt5"},
        {"model_type": "umt5"},
        {"model_type": "longt5"},
        {"model_type": "mt5", "num_layers": 3},
        {"model_type": "mt5", "feed_forward_proj": "relu"},
        {"model_type": "umt5", "d_model": 24, "tie_word_embeddings": False},
        {"model_type": "longt5", "encoder_attention_type": "transient-global", "tie_word_embeddings": False},
        {"model_type": "longt5", "encoder_attention_type": "transient-global", "local_radius": 63,
         "global_block_size": 8},
        {"model_type": "t5", "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "head_dim": 5},
        {"model_type": "t5", "num_hidden_layers": 3, "num_layers": 2},
        {"model_type": "umt5", "num_hidden_layers": 3, "num_decoder_layers": 2},
        {"model_type": "t5", "feed_forward_proj": "gated-relu"},
        {"model_type": "t5", "feed_forward_proj": "gelu_new"},
        {"model_type": "t5", "feed_forward_proj": "gated-gelu_new"},
        {"model_type": "longt5", "feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu"},
        {"model_type": "mt5", "feed_forward_proj": "gated-gelu", "is_gated_act": False},
        {"model_type": "t5", "num_decoder_layers": None, "dropout_rate": 0},
    ]:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "config.json").write_text(json.dumps(fields))
            config = AutoConfig.from_pretrained(folder)
        expected = {key: getattr(config, key) for key in wanted if hasattr(config, key)}
        # mT5 never scales.
        expected.setdefault("scale_decoder_outputs", False)
        table.append(dict(fields=fields, expected=expected))
    (FAMILY / "configs.json").write_text(json.dumps(table) + "\n")


def main():
    torch.set_num_threads(1)
    shutil.rmtree(FAMILY, ignore_errors=True)
    for name, model_type, settings, original, seed in VARIANTS:
        folder = FAMILY / name
        write(fresh(model_type, settings, original, seed), folder, name, original)
        reference(folder, seed)
    scaling()
    defaults()
    total = sum(file.stat().st_size for file in FAMILY.rglob("*") if file.is_file())
    print(f"{total} bytes in all")


if __name__ == "__main__":
    main()
