"""Writes tests/fixtures/reference.json: prompts and gradients of every strategy, computed by PyTorch.

    pip install -r crates/mtpt-compose/scripts/requirements.txt
    python crates/mtpt-compose/scripts/generate_reference.py

The script shares nothing with the Rust code. It samples parameters and computes prompts with PyTorch's layers
(`MultiheadAttention`, `LayerNorm`, `Linear`, `SiLU`) and the equations of docs/src/strategies.md. The loss is the sum of
squares of all prompts, so gradients depend on every value.
"""

import json
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

LENGTH, WIDTH, TASKS = 4, 6, 3
torch.manual_seed(1)


def sample(*shape):
    return torch.randn(*shape, requires_grad=True)


def low_rank(prompt, part):
    return prompt * (part["left"] @ part["right"])


def concat(prompt, part):
    return torch.cat([prompt, part[""]])


def add(prompt, part):
    return prompt + part[""]


def weighted(prompt, part):
    weight = torch.sigmoid(part["weight"])
    return weight * prompt + (1 - weight) * part["prompt"]


def gated(prompt, part, pooled):
    inputs = torch.cat([prompt.mean(0), part["prompt"].mean(0)]) if pooled else torch.cat([prompt, part["prompt"]]).flatten()
    hidden = F.relu(F.linear(inputs, part["hidden_weight"].T, part["hidden_bias"]))
    gates = F.linear(hidden, part["gate_weight"].T, part["gate_bias"]).softmax(0)
    return gates[0] * prompt + gates[1] * part["prompt"]


def concat_features(prompt, part):
    return torch.cat([prompt[:, : WIDTH - part[""].shape[1]], part[""]], dim=1)


def project(prompt, part):
    return F.linear(prompt[:, : part["weight"].shape[0]], part["weight"].T, part["bias"])


def attention(prompt, part, pool, heads):
    """Calls PyTorch's attention with positions as the batch: one query over the components' vectors."""
    inner = pool["query"].shape[1]
    # Keys are computed from vectors with a mean square of 1, values from unscaled vectors.
    keys = pool["components"] / (pool["components"].pow(2).mean(-1, keepdim=True) + 1e-6).sqrt()
    layer = nn.MultiheadAttention(inner, heads, bias=False, kdim=inner, vdim=inner, batch_first=True)
    # Each projection matrix is divided by its number of inputs.
    query = (part[""] @ (pool["query"] / WIDTH)).expand(LENGTH, 1, inner)
    keys = (keys @ (pool["key"] / WIDTH)).transpose(0, 1)
    values = (pool["components"] @ (pool["value"] / WIDTH)).transpose(0, 1)
    eye = torch.eye(inner)
    context, _ = F.multi_head_attention_forward(
        query.transpose(0, 1), keys.transpose(0, 1), values.transpose(0, 1), inner, heads,
        torch.cat([eye, eye, eye]), None, None, None, False, 0.0, eye, None, need_weights=False, training=layer.training,
    )
    return prompt + context[0] @ (pool["output"] / inner)


def separate(prompt, part):
    return part[""]


def instance_attention(shared, part, embeddings, mask, temperature, attend_target):
    """Computes ATTEMPT's prompts, separately for each row of a batch."""
    prompts = []
    norm = nn.LayerNorm(WIDTH)
    for row, (tokens, length) in enumerate(zip(embeddings, mask)):
        target = part[row % TASKS][""]
        pooled = tokens[:length].max(0).values
        up = F.linear(F.silu(F.linear(pooled, shared["down"].T)), shared["up"].T)
        query = F.layer_norm(up, (WIDTH,), shared["gamma"], shared["beta"], norm.eps)
        pool = list(shared["components"]) + ([target] if attend_target else [])
        scores = torch.stack([component.max(0).values @ query for component in pool])
        weights = (scores / temperature).softmax(0)
        prompts.append(target + sum(weight * component for weight, component in zip(weights, pool)))
    return torch.stack(prompts)


def sample_part(config, length=LENGTH):
    """Samples the part of one task or group."""
    match config["strategy"]:
        case "low_rank":
            return {"left": sample(length, config["rank"]), "right": sample(config["rank"], WIDTH)}
        case "concat":
            return {"": sample(config["task_length"], WIDTH)}
        case "add" | "separate":
            return {"": sample(length, WIDTH)}
        case "weighted":
            return {"prompt": sample(length, WIDTH), "weight": sample(1)}
        case "gated":
            inputs = 2 * WIDTH if config["input"] == "pooled" else 2 * length * WIDTH
            hidden = config["hidden"]
            return {
                "prompt": sample(length, WIDTH), "hidden_weight": sample(inputs, hidden), "hidden_bias": sample(hidden),
                "gate_weight": sample(hidden, 2), "gate_bias": sample(2),
            }
        case "concat_features":
            return {"": sample(length, config["task_width"])}
        case "project":
            return {"weight": sample(config["shared_width"], WIDTH), "bias": sample(WIDTH)}
        case "attention":
            return {"": sample(WIDTH)}


def sample_pool(config, length=LENGTH):
    inner = config["inner"]
    return {
        "components": sample(config["components"], length, WIDTH), "query": sample(WIDTH, inner), "key": sample(WIDTH, inner),
        "value": sample(WIDTH, inner), "output": sample(inner, WIDTH),
    }


def combine(config, prompt, part, pool=None):
    match config["strategy"]:
        case "gated":
            return gated(prompt, part, config["input"] == "pooled")
        case "attention":
            return attention(prompt, part, pool, config["heads"])
        case name:
            return globals()[name](prompt, part)


def named(prefix, tensors):
    return {f"{prefix}.{name}".rstrip("."): tensor for name, tensor in tensors.items()}


def parent_width(config):
    return {
        "separate": 0, "concat_features": WIDTH - config.get("task_width", 0), "project": config.get("shared_width", 0),
    }.get(config["strategy"], WIDTH)


def flat(config):
    width = parent_width(config)
    tensors = {"shared": sample(LENGTH, width)} if width else {}
    pool = sample_pool(config) if config["strategy"] == "attention" else None
    tensors |= named("pool", pool or {})
    prompts = []
    for task in range(TASKS):
        part = sample_part(config)
        tensors |= named(f"tasks.{task}", part)
        prompts.append(combine(config, tensors.get("shared"), part, pool))
    return case(config, [[0, task + 1] for task in range(TASKS)], tensors, torch.stack(prompts))


def hierarchy(levels, lines):
    config = {"strategy": "hierarchy", "levels": levels}
    width = parent_width(levels[0])
    tensors = {"shared": sample(LENGTH, width)} if width else {}
    lengths, pools = [LENGTH], {}
    for depth, level in enumerate(levels):
        if level["strategy"] == "attention":
            pools[depth] = sample_pool(level, lengths[-1])
            tensors |= named(f"pools.{depth}", pools[depth])
        lengths.append(lengths[-1] + level.get("task_length", 0))
    parts, prompts = {}, []
    for line in lines:
        prompt = tensors.get("shared")
        for depth, node in enumerate(line):
            if node not in parts:
                parts[node] = sample_part(levels[depth], lengths[depth])
                tensors |= named(f"nodes.{node}", parts[node])
            prompt = combine(levels[depth], prompt, parts[node], pools.get(depth))
        prompts.append(prompt)
    return case(config, lines, tensors, torch.stack(prompts))


def attention_over_inputs(temperature, attend_target):
    config = {
        "strategy": "instance_attention", "components": 2, "bottleneck": 3, "attend_target": attend_target,
    } | ({"temperature": temperature} if temperature else {})
    shared = {
        "components": sample(2, LENGTH, WIDTH), "down": sample(WIDTH, 3), "up": sample(3, WIDTH), "gamma": sample(WIDTH),
        "beta": sample(WIDTH),
    }
    part = [{"": sample(LENGTH, WIDTH)} for _ in range(TASKS)]
    embeddings, lengths = torch.randn(4, 5, WIDTH), [5, 2, 3, 1]
    prompts = instance_attention(
        shared, part, embeddings, lengths, temperature or torch.e * WIDTH, attend_target
    )
    tensors = dict(shared)
    for task in range(TASKS):
        tensors |= named(f"tasks.{task}", part[task])
    lines = [[0, task + 1] for task in range(TASKS)]
    return case(config, lines, tensors, prompts) | {"inputs": listed(embeddings), "input_lengths": lengths}


def listed(tensor):
    return {"shape": list(tensor.shape), "values": [float(f"{value:.8g}") for value in tensor.flatten().tolist()]}


def case(config, lines, tensors, prompts):
    prompts.pow(2).sum().backward()
    return {
        "composition": config, "lines": lines,
        "tensors": {name: listed(tensor) for name, tensor in tensors.items()},
        "prompts": listed(prompts),
        "gradients": {name: listed(tensor.grad) for name, tensor in tensors.items()},
    }


STRATEGIES = [
    {"strategy": "low_rank", "rank": 1},
    {"strategy": "low_rank", "rank": 3},
    {"strategy": "concat", "task_length": 2},
    {"strategy": "add"},
    {"strategy": "weighted"},
    {"strategy": "gated", "hidden": 3, "input": "pooled"},
    {"strategy": "gated", "hidden": 3, "input": "flattened"},
    {"strategy": "concat_features", "task_width": 2},
    {"strategy": "project", "shared_width": 3},
    {"strategy": "attention", "components": 3, "heads": 2, "inner": 4},
    {"strategy": "separate"},
]
LOW_RANK, _, CONCAT, ADD, WEIGHTED, GATED, _, FEATURES, PROJECT, ATTENTION, SEPARATE = STRATEGIES
CASES = [flat(config) for config in STRATEGIES] + [
    hierarchy([CONCAT, ADD, LOW_RANK], [[0, 1, 2], [0, 1, 3], [0, 4, 5]]),
    hierarchy([SEPARATE, LOW_RANK, WEIGHTED, GATED], [[0, 1, 2, 3], [0, 1, 4], [0, 5]]),
    hierarchy([PROJECT, ATTENTION, FEATURES], [[0, 1, 2], [0, 1, 3], [0, 4]]),
    attention_over_inputs(None, True),
    attention_over_inputs(1.5, False),
]

path = Path(__file__).parent.parent / "tests/fixtures/reference.json"
path.parent.mkdir(exist_ok=True)
lines = ",\n".join(json.dumps(case) for case in CASES)
path.write_text(f'{{"torch": "{torch.__version__}", "length": {LENGTH}, "d_model": {WIDTH}, "cases": [\n{lines}\n]}}\n')
print(f"{path}: {len(CASES)} cases, {path.stat().st_size} bytes")
