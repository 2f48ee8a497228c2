"""Writes small checkpoints in the forms of T5X, and what independent programs compute with a real one.

    pip install -r scripts/t5x_requirements.txt
    python scripts/generate_t5x_reference.py [CHECKPOINT]

The checkpoints are the models of tests/fixtures/v1_0, v1_1 and bf16 under the names of T5X, written by flax (the
msgpack file) and tensorstore (the zarr folders), which are what T5X writes with: their logits must be those of the
models that they were made of.

CHECKPOINT is T5X's own `test_t5_1_1_tiny/checkpoint_3`. Its logits are computed twice: by the forward pass below, which
is written from the description of T5 and reads the arrays as T5X names them, and by transformers, after the mapping of
names that its conversion script has. Both must agree, and their mean is written to tests/fixtures/t5x/tiny.json.
"""

import json
import shutil
import sys
from pathlib import Path

import flax.serialization
import ml_dtypes
import numpy as np
import tensorstore
import torch
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_torch_file
from transformers import T5Config, T5ForConditionalGeneration

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"
IO = Path(__file__).parents[2] / "mtpt-io" / "tests" / "fixtures" / "t5x"

# Names in T5X and in transformers. Kernels lie as `[input, output]` there and as `[output, input]` here.
ATTENTION = {"query": "q", "key": "k", "value": "v", "out": "o"}


def layer_names(stack, layer):
    """Names of one layer, without those of its feed-forward: T5X's within the layer, and transformers'."""
    block = f"{stack}.block.{layer}.layer"
    names = {}
    attentions = [("attention", "SelfAttention", "pre_attention_layer_norm")]
    if stack == "decoder":
        attentions = [
            ("self_attention", "SelfAttention", "pre_self_attention_layer_norm"),
            ("encoder_decoder_attention", "EncDecAttention", "pre_cross_attention_layer_norm"),
        ]
    for place, (theirs, ours, norm) in enumerate(attentions):
        names[f"{norm}.scale"] = f"{block}.{place}.layer_norm.weight"
        for part, letter in ATTENTION.items():
            names[f"{theirs}.{part}.kernel"] = f"{block}.{place}.{ours}.{letter}.weight"
    place = len(attentions)
    names["pre_mlp_layer_norm.scale"] = f"{block}.{place}.layer_norm.weight"
    for part in ["wi", "wi_0", "wi_1", "wo"]:
        names[f"mlp.{part}.kernel"] = f"{block}.{place}.DenseReluDense.{part}.weight"
    return names


def mapping(layers):
    """Every name of T5X, without `target.`, and that of transformers."""
    names = {"token_embedder.embedding": "shared.weight", "decoder.logits_dense.kernel": "lm_head.weight"}
    for stack, count in layers.items():
        names[f"{stack}.{stack}_norm.scale"] = f"{stack}.final_layer_norm.weight"
        names[f"{stack}.relpos_bias.rel_embedding"] = (
            f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        )
        for layer in range(count):
            for theirs, ours in layer_names(stack, layer).items():
                names[f"{stack}.layers_{layer}.{theirs}"] = ours
    return names


def is_turned(name):
    """Whether transformers keeps the transposed matrix."""
    return name.endswith((".kernel", ".rel_embedding"))


def to_t5x(state, layers):
    """A model of transformers as a tree of T5X's arrays by dotted names."""
    arrays = {}
    for theirs, ours in mapping(layers).items():
        if ours in state:
            array = state[ours].T if is_turned(theirs) else state[ours]
            arrays[theirs] = np.ascontiguousarray(array)
    return arrays


def scanned(arrays, layers):
    """The same arrays with all layers of a stack in one array, the layer being its second axis."""
    result = {name: array for name, array in arrays.items() if ".layers_" not in name}
    for stack, count in layers.items():
        prefix = f"{stack}.layers_0."
        for name in [name for name in arrays if name.startswith(prefix)]:
            rest = name.removeprefix(prefix)
            parts = [arrays[f"{stack}.layers_{layer}.{rest}"] for layer in range(count)]
            result[f"{stack}.{stack}.{rest}"] = np.stack(parts, axis=1)
    return result


def tree(arrays):
    """Dotted names as nested dictionaries."""
    root = {}
    for name, value in sorted(arrays.items()):
        node = root
        *path, last = name.split(".")
        for part in path:
            node = node.setdefault(part, {})
        node[last] = value
    return root


def store(folder, name, array, chunks, fill_value=None):
    """Writes an array as a zarr folder, as T5X does, and gives the description that takes its place in the msgpack file."""
    spec = {
        "driver": "zarr",
        "kvstore": {"driver": "file", "path": name},
        "metadata": {
            "chunks": list(chunks),
            "compressor": {"id": "gzip", "level": 1},
            "dtype": "bfloat16" if array.dtype == ml_dtypes.bfloat16 else array.dtype.str,
            "shape": list(array.shape),
        },
    }
    here = json.loads(json.dumps(spec))
    here["kvstore"]["path"] = str(folder.resolve() / name)
    here["metadata"]["fill_value"] = fill_value
    tensorstore.open(here, create=True, open=True).result().write(array).result()
    return spec


def write(folder, arrays, in_folders, placeholders=False, step=3):
    """Writes a checkpoint: arrays for which `in_folders` is true as zarr folders, the others in the msgpack file."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    target, states = {}, {}
    for name, array in arrays.items():
        # What Adafactor keeps: nothing of it may be taken for a parameter.
        states[f"{name}.v"] = np.full(array.shape[:1], np.nan, np.float32)
        if in_folders(name):
            chunks = [max(1, -(-size // 2)) if size > 32 else size for size in array.shape]
            spec = store(folder, f"target.{name}", array, chunks)
            target[name] = f"PLACEHOLDER://target.{name}" if placeholders else spec
        else:
            target[name] = array
    state = {"param_states": tree(states), "step": np.array(step, np.int32)}
    contents = {"version": 3, "optimizer": {"state": state, "target": tree(target)}}
    (folder / "checkpoint").write_bytes(flax.serialization.to_bytes(contents))


def backbones():
    layers = {"encoder": 2, "decoder": 2}
    out = FIXTURES / "t5x"
    v1_1 = to_t5x(load_file(FIXTURES / "v1_1" / "model.safetensors"), layers)
    write(out / "v1_1", v1_1, lambda name: name.endswith(("kernel", "embedding")) and "rel_" not in name)
    v1_0 = to_t5x(load_file(FIXTURES / "v1_0" / "model.safetensors"), layers)
    # Kernels of attention as flax lays them out before they are reshaped: one array per head.
    for name, array in v1_0.items():
        if name.endswith(("query.kernel", "key.kernel", "value.kernel")):
            v1_0[name] = array.reshape(16, 4, 4)
        elif name.endswith("out.kernel"):
            v1_0[name] = array.reshape(4, 4, 16)
    write(out / "v1_0", v1_0, lambda name: False)
    state = {
        name: tensor.view(torch.uint16).numpy().view(ml_dtypes.bfloat16)
        for name, tensor in load_torch_file(FIXTURES / "bf16" / "model.safetensors").items()
    }
    bf16 = scanned(to_t5x(state, layers), layers)
    write(out / "bf16_scanned", bf16, lambda name: name.endswith("kernel"), placeholders=True)


def kinds():
    """Arrays of every type and form, for the reader alone."""
    numbers = np.arange(-6, 6).reshape(3, 4)
    arrays = {}
    for place in ["here", "there"]:
        for dtype in ["float32", "float16", "float64", "int8", "int16", "int32", "int64"]:
            arrays[f"{place}.{dtype}"] = (numbers / 2).astype(dtype) if "float" in dtype else numbers.astype(dtype)
        arrays[f"{place}.bfloat16"] = (numbers / 2).astype(ml_dtypes.bfloat16)
        for dtype in ["uint8", "uint16", "uint32", "uint64", "bool"]:
            arrays[f"{place}.{dtype}"] = (numbers + 6).astype(dtype)
    arrays["here.scalar"] = np.float32(2.5)
    arrays["here.zero_dimensions"] = np.array(2.5, np.float32)
    arrays["here.python_float"] = 2.5
    arrays["here.python_integer"] = -3
    arrays["here.empty"] = np.zeros((0, 4), np.float32)
    arrays["here.chunked"] = numbers.astype(np.float32)
    folder = IO / "kinds"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    target = {}
    for name, array in arrays.items():
        target[name] = store(folder, f"target.{name}", array, (2, 3)) if name.startswith("there") else array
    target["there.filled"] = store(folder, "target.there.filled", np.ones((2, 2), np.float32), (1, 2), fill_value=1.5)
    # A chunk that is not there stands for the fill value.
    (folder / "target.there.filled" / "1.0").unlink()
    target = tree(target)
    # Flax does so with arrays of more than 2^30 bytes.
    limit = flax.serialization.MAX_CHUNK_SIZE
    flax.serialization.MAX_CHUNK_SIZE = 20
    target["here"]["chunked"] = flax.serialization._chunk(target["here"]["chunked"])
    flax.serialization.MAX_CHUNK_SIZE = limit
    contents = {"version": 3, "optimizer": {"target": target, "state": {"step": np.int32(1)}}}
    (folder / "checkpoint").write_bytes(flax.serialization.to_bytes(contents))


def prompts():
    """Prompts as prompt-tuning keeps them, in checkpoints that flax writes."""
    prompt = (np.arange(12, dtype=np.float32).reshape(3, 4) - 5) / 8
    contents = {
        "version": 3,
        "optimizer": {
            "state": {"param_states": {}, "step": np.array(7, np.int32)},
            "target": {"encoder": {"prompt": {"prompt": {"prompt": prompt}}}},
        },
    }
    folder = IO / "prompt"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "checkpoint").write_bytes(flax.serialization.to_bytes(contents))
    # A test holds that what Rust writes has these very bytes, which flax restores:
    restored = flax.serialization.msgpack_restore((folder / "checkpoint").read_bytes())
    np.testing.assert_array_equal(restored["optimizer"]["target"]["encoder"]["prompt"]["prompt"]["prompt"], prompt)
    assert restored["optimizer"]["state"]["step"] == 7

    shared = np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)
    tasks = np.linspace(0, 1, 24, dtype=np.float32).reshape(3, 8)
    inner = {"shared_prompt": shared, "task_prompts": {"embedding": tasks}}
    contents["optimizer"]["target"] = {
        "encoder": {
            "prompt": {"prompt": inner},
            "encoder_norm": {"scale": np.ones(4, np.float32)},
        }
    }
    folder = IO / "multitask"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "checkpoint").write_bytes(flax.serialization.to_bytes(contents))


def read(folder):
    """The parameters of a checkpoint by dotted names, read with flax and tensorstore."""
    contents = flax.serialization.msgpack_restore((folder / "checkpoint").read_bytes())
    arrays = {}

    def walk(path, node):
        if isinstance(node, dict) and "driver" in node:
            spec = {"driver": "zarr", "kvstore": {"driver": "file", "path": str(folder.resolve() / node["kvstore"]["path"])}}
            arrays[path] = tensorstore.open(spec, read=True, open=True).result().read().result()
        elif isinstance(node, dict):
            for key, value in node.items():
                walk(f"{path}.{key}" if path else key, value)
        else:
            arrays[path] = node

    walk("", contents["optimizer"]["target"])
    return arrays


def bucket(distance, both, buckets, limit=128):
    """The bucket of a relative position: key's position less query's (Raffel et al., 2020, section 2.1)."""
    first = 0
    if both:
        buckets //= 2
        first = buckets if distance > 0 else 0
        distance = abs(distance)
    else:
        distance = max(-distance, 0)
    exact = buckets // 2
    if distance < exact:
        return first + distance
    far = exact + int(np.log(distance / exact) / np.log(limit / exact) * (buckets - exact))
    return first + min(far, buckets - 1)


def forward(arrays, inputs, targets):
    """Log-probabilities of the targets' tokens, computed from T5X's arrays alone, in double precision, row by row."""
    arrays = {name: np.asarray(array, np.float64) for name, array in arrays.items()}
    table = arrays["token_embedder.embedding"]
    heads = arrays["encoder.relpos_bias.rel_embedding"].shape[0]

    def norm(x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6) * arrays[f"{name}.scale"]

    def split(x):
        return x.reshape(len(x), heads, -1).transpose(1, 0, 2)

    def attend(queries, keys, name, bias):
        q, k, v = [
            split(x @ arrays[f"{name}.{part}.kernel"])
            for part, x in [("query", queries), ("key", keys), ("value", keys)]
        ]
        scores = q @ k.transpose(0, 2, 1) + bias
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        mixed = (weights @ v).transpose(1, 0, 2).reshape(len(queries), -1)
        return mixed @ arrays[f"{name}.out.kernel"]

    def feed_forward(x, name):
        if f"{name}.wi.kernel" in arrays:
            inner = np.maximum(x @ arrays[f"{name}.wi.kernel"], 0)
        else:
            gate = x @ arrays[f"{name}.wi_0.kernel"]
            gate = 0.5 * gate * (1 + np.tanh(np.sqrt(2 / np.pi) * (gate + 0.044715 * gate**3)))
            inner = gate * (x @ arrays[f"{name}.wi_1.kernel"])
        return inner @ arrays[f"{name}.wo.kernel"]

    def positions(length, stack):
        places = np.arange(length)
        biases = arrays[f"{stack}.relpos_bias.rel_embedding"]
        buckets = [[bucket(key - query, stack == "encoder", biases.shape[1]) for key in places] for query in places]
        return biases[:, buckets]

    def layers(stack):
        found = {name.split(".")[1] for name in arrays if name.startswith(f"{stack}.layers_")}
        return [f"{stack}.layers_{layer}" for layer in range(len(found))]

    results = []
    for row, target in zip(inputs, targets):
        x = table[row]
        bias = positions(len(row), "encoder")
        for layer in layers("encoder"):
            normed = norm(x, f"{layer}.pre_attention_layer_norm")
            x = x + attend(normed, normed, f"{layer}.attention", bias)
            x = x + feed_forward(norm(x, f"{layer}.pre_mlp_layer_norm"), f"{layer}.mlp")
        encoded = norm(x, "encoder.encoder_norm")
        y = table[[0, *target[:-1]]]
        length = len(target)
        bias = positions(length, "decoder") + np.where(np.tri(length), 0, -np.inf)
        for layer in layers("decoder"):
            normed = norm(y, f"{layer}.pre_self_attention_layer_norm")
            y = y + attend(normed, normed, f"{layer}.self_attention", bias)
            normed = norm(y, f"{layer}.pre_cross_attention_layer_norm")
            y = y + attend(normed, encoded, f"{layer}.encoder_decoder_attention", 0)
            y = y + feed_forward(norm(y, f"{layer}.pre_mlp_layer_norm"), f"{layer}.mlp")
        y = norm(y, "decoder.decoder_norm")
        if "decoder.logits_dense.kernel" in arrays:
            logits = y @ arrays["decoder.logits_dense.kernel"]
        else:
            logits = y * table.shape[1] ** -0.5 @ table.T
        largest = logits.max(-1, keepdims=True)
        logits -= largest + np.log(np.exp(logits - largest).sum(-1, keepdims=True))
        results.append([logits[place, token] for place, token in enumerate(target)])
    return results


def by_transformers(arrays, inputs, targets):
    """The same by transformers, with the arrays under its names."""
    vocab_size, d_model = arrays["token_embedder.embedding"].shape
    heads, buckets = arrays["encoder.relpos_bias.rel_embedding"].shape
    d_ff = arrays["encoder.layers_0.mlp.wo.kernel"].shape[0]
    inner = arrays["encoder.layers_0.attention.query.kernel"].shape[1]
    layers = {
        stack: len({name.split(".")[1] for name in arrays if name.startswith(f"{stack}.layers_")})
        for stack in ["encoder", "decoder"]
    }
    config = T5Config(
        vocab_size=vocab_size, d_model=d_model, d_kv=inner // heads, d_ff=d_ff, num_heads=heads,
        num_layers=layers["encoder"], num_decoder_layers=layers["decoder"], relative_attention_num_buckets=buckets,
        feed_forward_proj="gated-gelu", tie_word_embeddings=False, decoder_start_token_id=0,
    )
    model = T5ForConditionalGeneration(config).double().eval()
    # transformers 5 ties the head even so until it is given one of its own.
    model.lm_head.weight = torch.nn.Parameter(torch.empty(vocab_size, d_model, dtype=torch.float64))
    state = {}
    for theirs, ours in mapping(layers).items():
        if theirs in arrays:
            array = np.asarray(arrays[theirs], np.float64)
            state[ours] = torch.from_numpy(np.ascontiguousarray(array.T if is_turned(theirs) else array))
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all("embed_tokens" in name for name in missing), (missing, unexpected)
    model.encoder.embed_tokens.weight = model.decoder.embed_tokens.weight = model.shared.weight
    results = []
    for row, target in zip(inputs, targets):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([row]), decoder_input_ids=torch.tensor([[0, *target[:-1]]])).logits
        scores = torch.log_softmax(logits[0], -1)
        results.append([scores[place, token].item() for place, token in enumerate(target)])
    return results


def tiny(folder):
    arrays = read(folder)
    generator = np.random.default_rng(5)
    vocab_size = arrays["token_embedder.embedding"].shape[0]
    # Rows past 128 tokens too, where all farther positions share a bucket.
    inputs = [generator.integers(2, vocab_size, length).tolist() for length in [3, 11, 1, 150]]
    targets = [generator.integers(2, vocab_size, length).tolist() for length in [4, 2, 7, 3]]
    first = forward(arrays, inputs, targets)
    second = by_transformers(arrays, inputs, targets)
    apart = max(abs(a - b) for rows in zip(first, second) for a, b in zip(*rows))
    print(f"largest difference of the two programs: {apart:.2e}")
    assert apart < 1e-6
    result = {"inputs": inputs, "targets": targets, "token_log_probabilities": [
        [float(f"{(a + b) / 2:.8g}") for a, b in zip(*rows)] for rows in zip(first, second)
    ]}
    print([row[:3] for row in result["token_log_probabilities"]])
    (FIXTURES / "t5x" / "tiny.json").write_text(json.dumps(result) + "\n")


def check(name, original):
    """The checkpoints written above give the numbers of the models that they were made of."""
    reference = json.loads((FIXTURES / original / "reference.json").read_text())
    found = forward(read(FIXTURES / "t5x" / name), reference["inputs"], reference["targets"])
    apart = max(
        abs(a - b) for rows in zip(found, reference["token_log_probabilities"]) for a, b in zip(*rows)
    )
    print(f"{name}: {apart:.2e} from {original}")
    assert apart < 1e-4


def main():
    torch.set_num_threads(1)
    backbones()
    check("v1_1", "v1_1")
    kinds()
    prompts()
    if sys.argv[1:]:
        tiny(Path(sys.argv[1]))
    for folder in [FIXTURES / "t5x", IO]:
        print(folder.name, sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()), "bytes")


if __name__ == "__main__":
    main()
