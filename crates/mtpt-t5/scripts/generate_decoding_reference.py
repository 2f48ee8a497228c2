"""Writes what transformers generates with each setting of `generation_config.json` to tests/fixtures/decoding.

    pip install -r scripts/requirements.txt
    python scripts/generate_decoding_reference.py

The model is the fixture `v1_1`, the settings are written to a `generation_config.json` next to a copy of it. Rows are
generated one by one: in a batch, transformers counts padding as tokens of the input. Running the script again with the
versions of requirements.txt gives the same files.
"""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from transformers import T5ForConditionalGeneration
from transformers.generation.logits_process import LogitsProcessorList

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"
SOURCE = FIXTURES / "v1_1"
START, EOS, PAD = 0, 94, 0
SPECIAL = dict(decoder_start_token_id=START, eos_token_id=EOS, pad_token_id=PAD)
BEAMS = dict(num_beams=4, max_new_tokens=10)


def settings(ends, common):
    """Settings of all kinds; `ends` are tokens that texts reach, `common` tokens that texts have."""
    first, second, third = common
    several = [EOS, *ends]
    single = [
        dict(max_length=6),
        dict(max_length=9, max_new_tokens=4),
        dict(max_new_tokens=10, eos_token_id=several),
        dict(max_new_tokens=10, eos_token_id=several, min_length=4),
        dict(max_new_tokens=10, eos_token_id=several, min_length=8, min_new_tokens=2),
        dict(max_new_tokens=8, forced_bos_token_id=first),
        dict(max_new_tokens=6, forced_eos_token_id=EOS),
        dict(max_new_tokens=6, forced_eos_token_id=[ends[0], EOS], eos_token_id=several),
        dict(max_new_tokens=8, forced_bos_token_id=first, begin_suppress_tokens=[second, third]),
        dict(max_new_tokens=8, begin_suppress_tokens=[first, second]),
        dict(max_new_tokens=8, suppress_tokens=[first, second, third]),
        dict(max_new_tokens=12, no_repeat_ngram_size=1),
        dict(max_new_tokens=12, no_repeat_ngram_size=2),
        dict(max_new_tokens=12, no_repeat_ngram_size=3, eos_token_id=several),
        dict(max_new_tokens=10, encoder_no_repeat_ngram_size=1),
        dict(max_new_tokens=10, encoder_no_repeat_ngram_size=2),
        dict(max_new_tokens=12, repetition_penalty=1.3),
        dict(max_new_tokens=12, repetition_penalty=0.8),
        dict(max_new_tokens=10, encoder_repetition_penalty=1.6),
        dict(max_new_tokens=10, encoder_repetition_penalty=0.6),
        dict(max_new_tokens=10, bad_words_ids=[[first], [second, second], [third, first], [EOS]]),
        dict(max_new_tokens=10, sequence_bias=[[[second], 2.5], [[first, third], 4.0], [[first], -1.5]]),
        dict(max_new_tokens=12, exponential_decay_length_penalty=[2, 1.4]),
        dict(max_new_tokens=12, exponential_decay_length_penalty=[1, 1.2], eos_token_id=several),
        dict(
            max_new_tokens=12, eos_token_id=several, min_new_tokens=3, no_repeat_ngram_size=2, repetition_penalty=1.2,
            encoder_repetition_penalty=1.1, suppress_tokens=[third], forced_eos_token_id=EOS,
        ),
        dict(max_new_tokens=10, decoder_start_token_id=first),
        dict(max_new_tokens=10, bos_token_id=second, decoder_start_token_id=None),
    ]
    beams = [
        dict(options, num_beams=4, length_penalty=[1.0, 2.0, 0.5][number % 3])
        for number, options in enumerate(single)
        # Several forced tokens have equal scores, of which torch takes any.
        if not isinstance(options.get("forced_eos_token_id"), list)
    ]
    searches = [
        dict(BEAMS, eos_token_id=several, early_stopping=early, length_penalty=penalty, num_beams=num_beams)
        for early in [True, False, "never"]
        for penalty, num_beams in [(1.0, 3), (2.0, 4), (-0.5, 2)]
    ]
    sequences = [
        dict(BEAMS, num_return_sequences=4),
        dict(BEAMS, num_return_sequences=3, eos_token_id=several, early_stopping=True),
        dict(BEAMS, num_return_sequences=2, repetition_penalty=1.5, renormalize_logits=True, no_repeat_ngram_size=2),
        dict(BEAMS, num_return_sequences=4, renormalize_logits=True, suppress_tokens=[first, second]),
        dict(BEAMS, num_return_sequences=2, min_length=6, early_stopping="never", eos_token_id=several),
    ]
    return single + beams + searches + sequences


def load(options):
    """The model with a `generation_config.json` of the given settings."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ["config.json", "model.safetensors"]:
            shutil.copy(SOURCE / name, folder)
        keys = {key: value for key, value in {**SPECIAL, **options}.items() if value is not None}
        (Path(folder) / "generation_config.json").write_text(json.dumps(keys))
        return keys, T5ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()


def generated(model, inputs):
    """The sequences of each row, up to the first end token, and their scores."""
    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    rows, scores = [], []
    for row in inputs:
        found = model.generate(
            input_ids=torch.tensor([row]), return_dict_in_generate=True, output_scores=True
        )
        sequences = []
        for sequence in found.sequences[:, 1:].tolist():
            places = [place for place, token in enumerate(sequence) if token in ends]
            sequences.append(sequence[: places[0] + 1] if places else sequence)
        rows.append(sequences)
        if getattr(found, "sequences_scores", None) is not None:
            scores.append([round(score, 6) for score in found.sequences_scores.tolist()])
    return rows, scores


def searches(model, inputs):
    """Tokens that some texts reach, but not at once, as further end tokens, and frequent tokens."""
    texts = [sequences[0] for sequences in generated(model, inputs)[0]]
    counts = {}
    for text in texts:
        for token in set(text[2:]) - set(text[:2]) - {EOS}:
            counts[token] = counts.get(token, 0) + 1
    ends = sorted(counts, key=lambda token: (-counts[token], token))[:2]
    frequent = {}
    for text in texts:
        for token in text:
            if token not in ends and token != EOS:
                frequent[token] = frequent.get(token, 0) + 1
    common = sorted(frequent, key=lambda token: (-frequent[token], token))[:3]
    return ends, common


def distributions(model):
    """Logits, and their probabilities after the filters of sampling."""
    generator = torch.Generator().manual_seed(7)
    logits = [
        torch.round(torch.randn(24, generator=generator) * scale, decimals=4) for scale in [0.3, 1.5, 4.0]
    ]
    # Equal logits.
    logits.append(torch.tensor([2.0, 1.0, 2.0, 1.0, 1.0, 0.0, -3.0, 1.0]))
    filters = [
        dict(top_k=0),
        dict(top_k=0, temperature=0.4),
        dict(top_k=0, temperature=2.5),
        dict(top_k=3),
        dict(),
        dict(top_k=0, top_p=0.7),
        dict(top_k=0, top_p=0.05),
        dict(top_k=0, min_p=0.2),
        dict(top_k=0, typical_p=0.6),
        dict(top_k=0, typical_p=0.15),
        dict(top_k=0, top_h=0.5),
        dict(top_k=0, epsilon_cutoff=0.05),
        dict(top_k=0, eta_cutoff=0.1),
        dict(top_k=10, top_p=0.8, temperature=1.7),
        dict(top_k=12, top_p=0.95, min_p=0.05, typical_p=0.9, temperature=0.8),
        dict(top_k=5, epsilon_cutoff=0.08, eta_cutoff=0.2, temperature=1.2),
    ]
    results = []
    for options in filters:
        config, _ = model._prepare_generation_config(None, do_sample=True, **options)
        config._eos_token_tensor = torch.tensor([EOS])
        processors = model._get_logits_processor(config, 1, logits_processor=LogitsProcessorList(), device="cpu")
        results.append(dict(
            settings=dict(options, do_sample=True),
            probabilities=[
                [float(f"{p:.7g}") for p in torch.softmax(processors(None, row[None].clone()), -1)[0].tolist()]
                for row in logits
            ],
        ))
    return dict(logits=[row.tolist() for row in logits], filters=results)


def main():
    torch.set_num_threads(1)
    inputs = json.loads((SOURCE / "reference.json").read_text())["inputs"]
    # Longer inputs, which share tokens with the texts.
    _, model = load(dict(max_new_tokens=16))
    assert model.config.eos_token_id == EOS
    texts = [sequences[0] for sequences in generated(model, inputs)[0]]
    inputs = inputs[:3] + [inputs[4][:4] + texts[4][1:5] + texts[1][:4]]
    ends, common = searches(model, inputs)
    cases = []
    for options in settings(ends, common):
        keys, model = load(options)
        sequences, scores = generated(model, inputs)
        cases.append(dict(settings=keys, sequences=sequences, **({"scores": scores} if scores else {})))
    folder = FIXTURES / "decoding"
    folder.mkdir(exist_ok=True)
    result = dict(inputs=inputs, cases=cases)
    (folder / "searches.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
    _, model = load({})
    (folder / "distributions.json").write_text(json.dumps(distributions(model), separators=(",", ":")) + "\n")
    plain = {}
    for case in cases:
        key = case["settings"].get("num_beams", 1)
        plain.setdefault(key, set()).add(json.dumps(case["sequences"]))
    print(f"ends {ends}, common {common}, {len(cases)} cases,", {key: len(value) for key, value in plain.items()})
    for file in folder.iterdir():
        print(file.name, file.stat().st_size)


if __name__ == "__main__":
    main()
