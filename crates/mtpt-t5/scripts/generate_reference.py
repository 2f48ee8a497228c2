"""Writes small random T5 checkpoints, and what transformers computes with them, to tests/fixtures.

    pip install -r scripts/requirements.txt
    python scripts/generate_reference.py

`python scripts/generate_reference.py bundled` does so for the model of examples/models alone, after it was trained anew.
The numbers are those of CPU in single precision, without dropout. Running it again with the versions of
requirements.txt gives the same files.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration
from transformers.models.t5.modeling_t5 import T5Attention

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"
BUNDLED = Path(__file__).parents[3] / "examples" / "models" / "mtpt-nano"
IGNORED = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
SMALL = dict(vocab_size=96, d_model=16, d_kv=4, d_ff=32, num_heads=4, num_layers=2, num_decoder_layers=2)

# Beam searches.
SEARCHES = [
    dict(num_beams=4, length_penalty=1.0, early_stopping=False, max_new_tokens=12),
    dict(num_beams=4, length_penalty=0.2, early_stopping=False, max_new_tokens=12),
    dict(num_beams=4, length_penalty=2.0, early_stopping=False, max_new_tokens=16),
    dict(num_beams=4, length_penalty=-1.0, early_stopping=False, max_new_tokens=12),
    dict(num_beams=4, length_penalty=1.0, early_stopping=True, max_new_tokens=12),
    dict(num_beams=3, length_penalty=0.6, early_stopping="never", max_new_tokens=12),
    dict(num_beams=2, length_penalty=1.0, early_stopping=False, max_new_tokens=1),
]

# name, configuration, how it is written, seed
VARIANTS = [
    ("v1_0", dict(SMALL), "transformers 5", 12),
    ("v1_0_old", dict(SMALL, d_ff=24), "as the first checkpoints", 30),
    ("v1_1", dict(SMALL, feed_forward_proj="gated-gelu", tie_word_embeddings=False), "transformers 4", 19),
    ("gated_silu", dict(SMALL, feed_forward_proj="gated-silu", tie_word_embeddings=False), "transformers 5", 25),
    (
        "uneven",
        dict(
            vocab_size=101,
            d_model=20,
            d_kv=6,
            d_ff=28,
            num_heads=3,
            num_layers=1,
            num_decoder_layers=3,
            relative_attention_num_buckets=14,
            relative_attention_max_distance=50,
            layer_norm_epsilon=1e-3,
            feed_forward_proj="gelu",
        ),
        "transformers 5",
        14,
    ),
]


def fresh(settings, seed):
    """A model whose every part matters: norms are not all ones, positions count, logits lie apart."""
    torch.manual_seed(seed)
    model = T5ForConditionalGeneration(T5Config(decoder_start_token_id=0, **settings))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name == "shared.weight":
                # Small beside what the layers add: else a tied head says the last token again and again.
                parameter.mul_(0.05)
            elif name == "decoder.final_layer_norm.weight":
                parameter.uniform_(60.0, 100.0)
                if model.config.scale_decoder_outputs is False:
                    parameter.mul_(model.config.d_model**-0.5)
            elif "layer_norm" in name:
                parameter.uniform_(0.5, 1.5)
            elif "relative_attention_bias" in name:
                parameter.normal_(0.0, 1.0)
            elif "EncDecAttention" in name:
                parameter.mul_(3.0)
    return model


def write(model, folder, style):
    """Writes a checkpoint as the named version of transformers did."""
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    if style == "transformers 5":
        model.save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        return
    folder.mkdir(parents=True)
    config = json.loads(model.config.to_json_string(use_diff=False))
    keep = [
        "architectures", "d_ff", "d_kv", "d_model", "decoder_start_token_id", "dropout_rate", "eos_token_id",
        "initializer_factor", "is_encoder_decoder", "layer_norm_epsilon", "model_type", "num_heads", "num_layers",
        "pad_token_id", "vocab_size",
    ]
    old = {key: config[key] for key in keep}
    old["relative_attention_num_buckets"] = config["relative_attention_num_buckets"]
    if style == "as the first checkpoints":
        # Neither the activation nor the scaling is named, and every copy of the table is there, as is a tensor that
        # nothing reads.
        old["n_positions"] = 512
        state[IGNORED] = torch.zeros(config["relative_attention_num_buckets"], config["num_heads"])
        for copy in ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"]:
            state[copy] = state["shared.weight"]
        torch.save(state, folder / "pytorch_model.bin")
    else:
        old.update(
            feed_forward_proj=config["feed_forward_proj"],
            dense_act_fn=config["dense_act_fn"],
            is_gated_act=config["is_gated_act"],
            num_decoder_layers=config["num_decoder_layers"],
            relative_attention_max_distance=config["relative_attention_max_distance"],
            tie_word_embeddings=False,
            torch_dtype="float32",
            transformers_version="4.57.1",
        )
        for copy in ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"]:
            state.pop(copy, None)
        # A head of its own.
        state["lm_head.weight"] = torch.randn_like(state["shared.weight"]) / 20
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(old, indent=2) + "\n")


def padded(rows):
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids, mask


def random_rows(generator, vocab_size, lengths):
    return [
        torch.randint(2, vocab_size, (length,), generator=generator).tolist() for length in lengths
    ]


def token_log_probabilities(model, inputs, targets):
    ids, mask = padded(inputs)
    start = model.config.decoder_start_token_id
    decoder_ids, _ = padded([[start] + target[:-1] for target in targets])
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=mask, decoder_input_ids=decoder_ids).logits
    log_probabilities = torch.log_softmax(logits, -1)
    return [
        [log_probabilities[row, place, token].item() for place, token in enumerate(target)]
        for row, target in enumerate(targets)
    ]


def generated(model, inputs, **options):
    ids, mask = padded(inputs)
    eos = model.config.eos_token_id
    # The cache of transformers 5.23 has the depth of the encoder, which is too little for a deeper decoder.
    use_cache = model.config.num_decoder_layers <= model.config.num_layers
    rows = model.generate(
        input_ids=ids, attention_mask=mask, do_sample=False, use_cache=use_cache, **options
    ).tolist()
    return [until_end(row[1:], eos) for row in rows]


def until_end(row, eos):
    return row[: row.index(eos) + 1] if eos in row else row


def choose_end(model, inputs):
    """Takes as end token one that about half the rows come to, but not at once."""
    model.config.eos_token_id = model.generation_config.eos_token_id = 1
    texts = generated(model, inputs, max_new_tokens=16, num_beams=1)
    counts = {}
    for token in range(2, model.config.vocab_size):
        places = [text.index(token) for text in texts if token in text]
        if places and min(places) >= 2 and len(places) < len(texts):
            counts[token] = len(places)
    return max(counts, key=lambda token: (counts[token], -token))


def gradients(model, inputs, targets):
    """Gradients of the mean loss of the target tokens."""
    ids, mask = padded(inputs)
    embeddings = model.shared(ids).detach().requires_grad_()
    start = model.config.decoder_start_token_id
    decoder_ids, counted = padded([[start] + target[:-1] for target in targets])
    labels, _ = padded(targets)
    labels = labels.masked_fill(counted == 0, -100)
    loss = model(inputs_embeds=embeddings, attention_mask=mask, decoder_input_ids=decoder_ids, labels=labels).loss
    loss.backward()
    wanted = [
        "shared.weight",
        "encoder.block.0.layer.0.SelfAttention.q.weight",
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        "encoder.block.0.layer.0.layer_norm.weight",
        "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        "decoder.block.1.layer.1.EncDecAttention.v.weight",
        "decoder.block.1.layer.2.DenseReluDense.wo.weight",
        "decoder.final_layer_norm.weight",
    ]
    parameters = dict(model.named_parameters(remove_duplicate=False))
    if model.lm_head.weight is not model.shared.weight:
        wanted.append("lm_head.weight")
    return {
        "loss": loss.item(),
        "embeddings": rounded(embeddings.grad.flatten().tolist()),
        "parameters": {name: rounded(parameters[name].grad.flatten().tolist()) for name in wanted},
    }


def rounded(numbers):
    """Eight digits are what single precision holds."""
    return [float(f"{number:.8g}") for number in numbers]


def with_end_token(model, folder, inputs):
    """Chooses an end token, writes it to the folder of the model, and returns the model loaded again."""
    eos = choose_end(model, inputs)
    config_file = folder / "config.json"
    config = json.loads(config_file.read_text())
    config["eos_token_id"] = eos
    config_file.write_text(json.dumps(config, indent=2) + "\n")
    model = type(model).from_pretrained(folder, dtype=torch.float32).eval()
    assert model.config.eos_token_id == eos and model.generation_config.eos_token_id == eos
    return model


def results(model, rows, long_rows):
    """Log-probabilities and texts of short and of long rows, each inputs and targets."""
    (inputs, targets), (long_inputs, long_targets) = rows, long_rows
    searches = []
    for options in SEARCHES:
        searches.append(dict(options, texts=generated(model, inputs, **options)))
    return {
        "inputs": inputs,
        "targets": targets,
        "token_log_probabilities": token_log_probabilities(model, inputs, targets),
        "greedy": generated(model, inputs, max_new_tokens=16, num_beams=1),
        "searches": searches,
        "long": {
            "inputs": long_inputs,
            "targets": long_targets,
            "token_log_probabilities": token_log_probabilities(model, long_inputs, long_targets),
            "greedy": generated(model, long_inputs, max_new_tokens=40, num_beams=1),
            "beam_4": generated(model, long_inputs, max_new_tokens=20, num_beams=4),
        },
    }


def reference(folder, seed):
    model = T5ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    generator = torch.Generator().manual_seed(100 + seed)
    vocab_size = model.config.vocab_size
    inputs = random_rows(generator, vocab_size, [3, 12, 7, 1, 9, 10])
    targets = random_rows(generator, vocab_size, [4, 1, 6, 2, 9, 3])
    long_inputs = random_rows(generator, vocab_size, [300, 270])
    long_targets = random_rows(generator, vocab_size, [5, 40])

    model = with_end_token(model, folder, inputs)
    eos = model.config.eos_token_id
    result = results(model, (inputs, targets), (long_inputs, long_targets))
    if folder.name in ("v1_0", "v1_1"):
        result["gradients"] = gradients(model, inputs, targets)
    (folder / "reference.json").write_text(json.dumps(result) + "\n")
    ends = sum(eos in text for text in result["greedy"])
    print(f"{folder.name}: end {eos}, {ends} of {len(inputs)} greedy texts end;",
          [sum(eos in text for text in search["texts"]) for search in result["searches"]])


OTHER_FILES = ["sharded", "sharded_bin", "bf16", "f16"]


def other_files(source):
    """The same model in other files."""
    model = T5ForConditionalGeneration.from_pretrained(source, dtype=torch.float32)
    model.save_pretrained(FIXTURES / "sharded", max_shard_size="40kB")
    state = torch.load(source / "pytorch_model.bin") if (source / "pytorch_model.bin").exists() else model.state_dict()
    names = sorted(state)
    folder = FIXTURES / "sharded_bin"
    folder.mkdir()
    shards = {"pytorch_model-00001-of-00002.bin": names[::2], "pytorch_model-00002-of-00002.bin": names[1::2]}
    for file, part in shards.items():
        torch.save({name: state[name].clone() for name in part}, folder / file)
    index = {"metadata": {}, "weight_map": {name: file for file, part in shards.items() for name in part}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index) + "\n")
    shutil.copy(FIXTURES / "sharded" / "config.json", folder)
    inputs = json.loads((source / "reference.json").read_text())
    for name, dtype in [("bf16", torch.bfloat16), ("f16", torch.float16)]:
        folder = FIXTURES / name
        T5ForConditionalGeneration.from_pretrained(source, dtype=torch.float32).to(dtype).save_pretrained(folder)
        model = T5ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        result = {
            "inputs": inputs["inputs"],
            "targets": inputs["targets"],
            "token_log_probabilities": token_log_probabilities(model, inputs["inputs"], inputs["targets"]),
        }
        (folder / "reference.json").write_text(json.dumps(result) + "\n")
    for name in ["sharded", "bf16", "f16"]:
        (FIXTURES / name / "generation_config.json").unlink(missing_ok=True)


def buckets():
    """The golden table of relative position buckets."""
    positions = torch.arange(-600, 601)
    table = []
    for bidirectional, num_buckets, max_distance in [
        (True, 32, 128), (False, 32, 128), (True, 14, 50), (False, 14, 50), (True, 33, 500), (False, 64, 256),
        (True, 8, 20), (False, 4, 3),
    ]:
        found = T5Attention._relative_position_bucket(positions, bidirectional, num_buckets, max_distance)
        table.append(dict(
            bidirectional=bidirectional, num_buckets=num_buckets, max_distance=max_distance, first=-600,
            buckets=found.tolist(),
        ))
    (FIXTURES / "buckets.json").write_text(json.dumps(table, separators=(",", ":")) + "\n")


def tokenizer():
    """A tokenizer of six words, saved with padding and truncation."""
    words = ["<pad>", "</s>", "<unk>", "one", "two", "three", "four", "five", "six"]
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.add_special_tokens(words[:3])
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=8)
    (FIXTURES / "tokenizer").mkdir()
    tokenizer.save(str(FIXTURES / "tokenizer" / "tokenizer.json"))


def bundled():
    """The trained model that the repository holds, asked in words."""
    folder = FIXTURES / "mtpt_nano"
    folder.mkdir(exist_ok=True)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(BUNDLED)
    model = T5ForConditionalGeneration.from_pretrained(BUNDLED, dtype=torch.float32).eval()
    texts = [
        "sentiment : a warm , funny and moving film",
        "Sentiment: dull, SLOW and far too long!",
        "what is asked for : who painted the ceiling of the chapel ?",
        "fill in : the ship sailed <extra_id_0> the sea",
        "opposite : cold",
        "café № 7 costs 3.50 €",
    ]
    answers = ["positive", "negative", "person", "<extra_id_0> across", "hot", "food"]
    inputs, targets = tokenizer(texts).input_ids, tokenizer(answers).input_ids
    result = {
        "texts": texts,
        "inputs": inputs,
        "targets": targets,
        "token_log_probabilities": token_log_probabilities(model, inputs, targets),
        "greedy": generated(model, inputs, max_new_tokens=12, num_beams=1),
        "searches": [dict(
            num_beams=4, length_penalty=1.0, early_stopping=False, max_new_tokens=12,
            texts=generated(model, inputs, num_beams=4, max_new_tokens=12),
        )],
    }
    (folder / "reference.json").write_text(json.dumps(result) + "\n")


def main():
    torch.set_num_threads(1)
    if sys.argv[1:] == ["bundled"]:
        bundled()
        return
    # The other folders belong to the other scripts.
    for name in [*(name for name, *_ in VARIANTS), *OTHER_FILES, "tokenizer"]:
        shutil.rmtree(FIXTURES / name, ignore_errors=True)
    FIXTURES.mkdir(parents=True, exist_ok=True)
    for name, settings, style, seed in VARIANTS:
        folder = FIXTURES / name
        write(fresh(settings, seed), folder, style)
        reference(folder, seed)
    other_files(FIXTURES / "v1_0")
    buckets()
    tokenizer()
    bundled()
    total = sum(file.stat().st_size for file in FIXTURES.rglob("*") if file.is_file())
    print(f"{total} bytes in all")


if __name__ == "__main__":
    main()
