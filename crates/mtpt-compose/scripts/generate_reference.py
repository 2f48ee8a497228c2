"""Writes tests/fixtures/reference.json: prompts and gradients of every strategy, computed by PyTorch.

    pip install -r crates/mtpt-compose/scripts/requirements.txt
    python crates/mtpt-compose/scripts/generate_reference.py

Nothing here is shared with the Rust code: parameters are drawn, and prompts follow from them by PyTorch's own layers
(`MultiheadAttention`, `LayerNorm`, `Linear`, `SiLU`) and by the equations of docs/src/strategies.md. The loss is the sum of squares of all
prompts, so that gradients depend on every value.
"""

import json
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

LENGTH, WIDTH, TASKS = 4, 6, 3
torch.manual_seed(1)


def draw(*shape):
    return torch.randn(*shape, requires_grad=True)


def low_rank(prompt, own):
    return prompt * (own["left"] @ own["right"])


def concat(prompt, own):
    return torch.cat([prompt, own[""]])


def add(prompt, own):
    return prompt + own[""]


def weighted(prompt, own):
    share = torch.sigmoid(own["weight"])
    return share * prompt + (1 - share) * own["prompt"]


def gated(prompt, own, pooled):
    read = torch.cat([prompt.mean(0), own["prompt"].mean(0)]) if pooled else torch.cat([prompt, own["prompt"]]).flatten()
    hidden = F.relu(F.linear(read, own["hidden_weight"].T, own["hidden_bias"]))
    gates = F.linear(hidden, own["gate_weight"].T, own["gate_bias"]).softmax(0)
    return gates[0] * prompt + gates[1] * own["prompt"]


def concat_features(prompt, own):
    return torch.cat([prompt[:, : WIDTH - own[""].shape[1]], own[""]], dim=1)


def project(prompt, own):
    return F.linear(prompt[:, : own["weight"].shape[0]], own["weight"].T, own["bias"])


def attention(prompt, own, pool, heads):
    """One call of PyTorch's attention for each position, of one query over the components' vectors there."""
    inner = pool["query"].shape[1]
    # Values are read at their size, keys at a mean square of 1.
    keys = pool["components"] / (pool["components"].pow(2).mean(-1, keepdim=True) + 1e-6).sqrt()
    layer = nn.MultiheadAttention(inner, heads, bias=False, kdim=inner, vdim=inner, batch_first=True)
    # Each projection is its matrix divided by the number of its inputs.
    query = (own[""] @ (pool["query"] / WIDTH)).expand(LENGTH, 1, inner)
    keys = (keys @ (pool["key"] / WIDTH)).transpose(0, 1)
    values = (pool["components"] @ (pool["value"] / WIDTH)).transpose(0, 1)
    eye = torch.eye(inner)
    found, _ = F.multi_head_attention_forward(
        query.transpose(0, 1), keys.transpose(0, 1), values.transpose(0, 1), inner, heads,
        torch.cat([eye, eye, eye]), None, None, None, False, 0.0, eye, None, need_weights=False, training=layer.training,
    )
    return prompt + found[0] @ (pool["output"] / inner)


def separate(prompt, own):
    return own[""]


def instance_attention(shared, own, embeddings, mask, temperature, attend_target):
    """ATTEMPT, for each row of a batch on its own."""
    prompts = []
    norm = nn.LayerNorm(WIDTH)
    for row, (tokens, length) in enumerate(zip(embeddings, mask)):
        target = own[row % TASKS][""]
        pooled = tokens[:length].max(0).values
        up = F.linear(F.silu(F.linear(pooled, shared["down"].T)), shared["up"].T)
        question = F.layer_norm(up, (WIDTH,), shared["gamma"], shared["beta"], norm.eps)
        pool = list(shared["components"]) + ([target] if attend_target else [])
        scores = torch.stack([component.max(0).values @ question for component in pool])
        shares = (scores / temperature).softmax(0)
        prompts.append(target + sum(share * component for share, component in zip(shares, pool)))
    return torch.stack(prompts)


def matrices(kind, length=LENGTH, width_above=WIDTH):
    """Parameters of one part of a strategy."""
    match kind["strategy"]:
        case "low_rank":
            return {"left": draw(length, kind["rank"]), "right": draw(kind["rank"], WIDTH)}
        case "concat":
            return {"": draw(kind["task_length"], WIDTH)}
        case "add" | "separate":
            return {"": draw(length, WIDTH)}
        case "weighted":
            return {"prompt": draw(length, WIDTH), "weight": draw(1)}
        case "gated":
            read = 2 * WIDTH if kind["input"] == "pooled" else 2 * length * WIDTH
            hidden = kind["hidden"]
            return {
                "prompt": draw(length, WIDTH), "hidden_weight": draw(read, hidden), "hidden_bias": draw(hidden),
                "gate_weight": draw(hidden, 2), "gate_bias": draw(2),
            }
        case "concat_features":
            return {"": draw(length, kind["task_width"])}
        case "project":
            return {"weight": draw(kind["shared_width"], WIDTH), "bias": draw(WIDTH)}
        case "attention":
            return {"": draw(WIDTH)}


def pool_of(kind, length=LENGTH):
    inner = kind["inner"]
    return {
        "components": draw(kind["components"], length, WIDTH), "query": draw(WIDTH, inner), "key": draw(WIDTH, inner),
        "value": draw(WIDTH, inner), "output": draw(inner, WIDTH),
    }


def fold(kind, prompt, own, pool=None):
    match kind["strategy"]:
        case "gated":
            return gated(prompt, own, kind["input"] == "pooled")
        case "attention":
            return attention(prompt, own, pool, kind["heads"])
        case name:
            return globals()[name](prompt, own)


def named(prefix, tensors):
    return {f"{prefix}.{name}".rstrip("."): tensor for name, tensor in tensors.items()}


def width_above(kind):
    return {
        "separate": 0, "concat_features": WIDTH - kind.get("task_width", 0), "project": kind.get("shared_width", 0),
    }.get(kind["strategy"], WIDTH)


def flat(kind):
    width = width_above(kind)
    tensors = {"shared": draw(LENGTH, width)} if width else {}
    pool = pool_of(kind) if kind["strategy"] == "attention" else None
    tensors |= named("pool", pool or {})
    prompts = []
    for task in range(TASKS):
        own = matrices(kind)
        tensors |= named(f"tasks.{task}", own)
        prompts.append(fold(kind, tensors.get("shared"), own, pool))
    return case(kind, [[0, task + 1] for task in range(TASKS)], tensors, torch.stack(prompts))


def hierarchy(levels, lines):
    kind = {"strategy": "hierarchy", "levels": levels}
    width = width_above(levels[0])
    tensors = {"shared": draw(LENGTH, width)} if width else {}
    lengths, pools = [LENGTH], {}
    for depth, level in enumerate(levels):
        if level["strategy"] == "attention":
            pools[depth] = pool_of(level, lengths[-1])
            tensors |= named(f"pools.{depth}", pools[depth])
        lengths.append(lengths[-1] + level.get("task_length", 0))
    owned, prompts = {}, []
    for line in lines:
        prompt = tensors.get("shared")
        for depth, node in enumerate(line):
            if node not in owned:
                owned[node] = matrices(levels[depth], lengths[depth])
                tensors |= named(f"nodes.{node}", owned[node])
            prompt = fold(levels[depth], prompt, owned[node], pools.get(depth))
        prompts.append(prompt)
    return case(kind, lines, tensors, torch.stack(prompts))


def attempt(temperature, attend_target):
    kind = {
        "strategy": "instance_attention", "components": 2, "bottleneck": 3, "attend_target": attend_target,
    } | ({"temperature": temperature} if temperature else {})
    shared = {
        "components": draw(2, LENGTH, WIDTH), "down": draw(WIDTH, 3), "up": draw(3, WIDTH), "gamma": draw(WIDTH),
        "beta": draw(WIDTH),
    }
    own = [{"": draw(LENGTH, WIDTH)} for _ in range(TASKS)]
    embeddings, lengths = torch.randn(4, 5, WIDTH), [5, 2, 3, 1]
    prompts = instance_attention(
        shared, own, embeddings, lengths, temperature or torch.e * WIDTH, attend_target
    )
    tensors = dict(shared)
    for task in range(TASKS):
        tensors |= named(f"tasks.{task}", own[task])
    lines = [[0, task + 1] for task in range(TASKS)]
    return case(kind, lines, tensors, prompts) | {"inputs": listed(embeddings), "input_lengths": lengths}


def listed(tensor):
    return {"shape": list(tensor.shape), "values": [float(f"{value:.8g}") for value in tensor.flatten().tolist()]}


def case(kind, lines, tensors, prompts):
    prompts.pow(2).sum().backward()
    return {
        "composition": kind, "lines": lines,
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
CASES = [flat(kind) for kind in STRATEGIES] + [
    hierarchy([CONCAT, ADD, LOW_RANK], [[0, 1, 2], [0, 1, 3], [0, 4, 5]]),
    hierarchy([SEPARATE, LOW_RANK, WEIGHTED, GATED], [[0, 1, 2, 3], [0, 1, 4], [0, 5]]),
    hierarchy([PROJECT, ATTENTION, FEATURES], [[0, 1, 2], [0, 1, 3], [0, 4]]),
    attempt(None, True),
    attempt(1.5, False),
]

path = Path(__file__).parent.parent / "tests/fixtures/reference.json"
path.parent.mkdir(exist_ok=True)
lines = ",\n".join(json.dumps(case) for case in CASES)
path.write_text(f'{{"torch": "{torch.__version__}", "length": {LENGTH}, "d_model": {WIDTH}, "cases": [\n{lines}\n]}}\n')
print(f"{path}: {len(CASES)} cases, {path.stat().st_size} bytes")
