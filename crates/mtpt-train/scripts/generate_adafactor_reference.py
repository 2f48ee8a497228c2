"""Computes parameters after steps of Adafactor with T5X and optax.

    python scripts/generate_adafactor_reference.py T5X

`T5X` is a checkout of google-research/t5x; the committed values are from commit cc342d419ec3. Only
`t5x/adafactor.py` is run, with substitutes for its imports from T5X: a base class, a pair and a
function that flattens names.

Writes `tests/fixtures/adafactor.json`: initial values and gradients of a few parameters, the learning
rate of each step, and for each case its settings, their origin, and the parameters after some of the
steps. If both libraries support a case, they are compared here, and the values are T5X's.
"""

import json
import pathlib
import sys
import types

import flax.struct
import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np
import optax

HERE = pathlib.Path(__file__).resolve().parent
OUTPUT = HERE / "../tests/fixtures/adafactor.json"

STEPS = 24
AFTER = [2, 24]
# The largest dimension is last, first or in the middle, two are equal, and one parameter has small
# values.
SHAPES = {"vector": [5], "wide": [3, 4], "tall": [5, 3], "square": [4, 4], "cube": [2, 4, 3]}
RATES = [float(np.float32(0.3 * (1 - step / 30))) for step in range(STEPS)]

# Keys of `[training.optimizer]`. Other settings have T5X's defaults, except the parameter scale, which
# the recipe of prompt tuning disables.
CASES = {
    "recipe": dict(weight_decay=1e-5),
    "factored": dict(min_dim_size_to_factor=2),
    "factored from 4 on": dict(min_dim_size_to_factor=4),
    "factored, but not": dict(min_dim_size_to_factor=2, factored=False),
    "parameter scale": dict(multiply_by_parameter_scale=True),
    "parameter scale, factored": dict(multiply_by_parameter_scale=True, min_dim_size_to_factor=2),
    "least parameter scale": dict(multiply_by_parameter_scale=True, epsilon_2=0.5),
    "momentum": dict(beta_1=0.9),
    "weight decay": dict(weight_decay=0.02),
    "weight decay by the rate": dict(weight_decay=0.02, weight_decay_rate_exponent=1.0),
    "weight decay by the square of the rate": dict(weight_decay=0.3, weight_decay_rate_exponent=2.0),
    "decay rate": dict(decay_rate=0.5),
    "update clipped": dict(clipping_threshold=0.25),
    "update not clipped": dict(clipping_threshold=None),
    "a large epsilon": dict(epsilon_1=0.01),
    "after pretraining": dict(weight_decay=1e-5, steps_before=1_100_000),
    "all together": dict(
        weight_decay=0.02,
        beta_1=0.8,
        multiply_by_parameter_scale=True,
        min_dim_size_to_factor=2,
        decay_rate=0.6,
        clipping_threshold=0.5,
        steps_before=100,
    ),
}


def t5x_adafactor(checkout):
    def module(name, **members):
        made = types.ModuleType(name)
        vars(made).update(members)
        sys.modules[name] = made
        return made

    @flax.struct.dataclass
    class OptimizerState:
        step: jnp.ndarray
        param_states: object

    class OptimizerDef:
        def __init__(self, hyper_params):
            self.hyper_params = hyper_params

    def flatten_dict_string_keys(tree):
        return {"/".join(k): v for k, v in flax.traverse_util.flatten_dict(tree).items()}

    utils = module("t5x.utils", flatten_dict_string_keys=flatten_dict_string_keys)
    module("t5x", utils=utils)
    module("t5x.optimizers", OptimizerDef=OptimizerDef, OptimizerState=OptimizerState)
    adafactor = module("t5x.adafactor")
    path = pathlib.Path(checkout) / "t5x/adafactor.py"
    exec(compile(path.read_text(), path, "exec"), vars(adafactor))
    return adafactor


def make():
    generator = np.random.default_rng(7)
    start, gradients = {}, {}
    for name, shape in SHAPES.items():
        scale = 1e-4 if name == "square" else 1.0
        start[name] = (scale * generator.normal(size=shape)).astype(np.float32)
        drawn = generator.normal(size=[STEPS, *shape])
        # Like real gradients: rows of different magnitudes, some steps far larger or smaller, and one
        # without a gradient.
        drawn *= np.geomspace(0.01, 1.0, shape[-1])
        drawn[7] *= 100.0
        drawn[11] *= 1e-4
        drawn[3] = 0.0
        gradients[name] = drawn.astype(np.float32)
    return start, gradients


def of_t5x(adafactor, settings, start, gradients):
    exponent = settings.get("weight_decay_rate_exponent", 0.0)
    # T5X requires a rule for arrays of three dimensions.
    names = [name for name in SHAPES if name != "cube"]
    optimizer = adafactor.Adafactor(
        learning_rate=0.0,
        factored=settings.get("factored", True),
        multiply_by_parameter_scale=settings.get("multiply_by_parameter_scale", False),
        beta1=settings.get("beta_1"),
        decay_rate=settings.get("decay_rate", 0.8),
        step_offset=0,
        clipping_threshold=settings.get("clipping_threshold", 1.0),
        weight_decay_rate=settings.get("weight_decay"),
        min_dim_size_to_factor=settings.get("min_dim_size_to_factor", 128),
        epsilon1=settings.get("epsilon_1", 1e-30),
        epsilon2=settings.get("epsilon_2", 1e-3),
        weight_decay_rate_lr_exponent=exponent or None,
    )
    parameters = {name: jnp.asarray(start[name]) for name in names}
    state = optimizer.init_state(parameters)
    # T5X continues counting from the step of the model's checkpoint.
    state = state.replace(step=jnp.asarray(settings.get("steps_before", 0), jnp.int32))
    seen = []
    for step in range(STEPS):
        hyper_params = optimizer.hyper_params.replace(learning_rate=jnp.float32(RATES[step]))
        gradient = {name: jnp.asarray(gradients[name][step]) for name in names}
        parameters, state = optimizer.apply_gradient(hyper_params, parameters, state, gradient)
        seen.append(parameters)
    return seen


def of_optax(settings, start, gradients):
    if "weight_decay_rate_exponent" in settings or "epsilon_2" in settings:
        return None
    optimizer = optax.adafactor(
        learning_rate=lambda step: jnp.asarray(RATES, jnp.float32)[step],
        min_dim_size_to_factor=settings.get("min_dim_size_to_factor", 128),
        decay_rate=settings.get("decay_rate", 0.8),
        decay_offset=-settings.get("steps_before", 0),
        multiply_by_parameter_scale=settings.get("multiply_by_parameter_scale", False),
        clipping_threshold=settings.get("clipping_threshold", 1.0),
        momentum=settings.get("beta_1"),
        weight_decay_rate=settings.get("weight_decay"),
        eps=settings.get("epsilon_1", 1e-30),
        factored=settings.get("factored", True),
    )
    parameters = {name: jnp.asarray(values) for name, values in start.items()}
    state = optimizer.init(parameters)
    seen = []
    for step in range(STEPS):
        gradient = {name: jnp.asarray(gradients[name][step]) for name in start}
        updates, state = optimizer.update(gradient, state, parameters)
        parameters = optax.apply_updates(parameters, updates)
        seen.append(parameters)
    return seen


def numbers(array):
    # Nine digits represent a 32-bit float exactly.
    return [float(f"{x:.9g}") for x in np.asarray(array, np.float32).ravel().tolist()]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    jax.config.update("jax_platforms", "cpu")
    adafactor = t5x_adafactor(sys.argv[1])
    start, gradients = make()
    lines = [
        f'"shapes": {json.dumps(SHAPES)}',
        f'"rates": {json.dumps(RATES)}',
        f'"after": {json.dumps(AFTER)}',
        f'"start": {json.dumps({name: numbers(values) for name, values in start.items()})}',
        f'"gradients": {json.dumps({name: [numbers(g) for g in all] for name, all in gradients.items()})}',
    ]
    cases = []
    for name, settings in CASES.items():
        t5x = of_t5x(adafactor, settings, start, gradients)
        other = of_optax(settings, start, gradients)
        largest = 0.0
        if other is not None:
            for mine, theirs in zip(t5x, other):
                for parameter in mine:
                    difference = np.abs(np.asarray(mine[parameter] - theirs[parameter])).max()
                    largest = max(largest, float(difference))
            # The same operations in 32 bits: units in the last place of values up to 10.
            assert largest < 1e-5, (name, largest)
            t5x = [{**mine, "cube": theirs["cube"]} for mine, theirs in zip(t5x, other)]
        print(f"{name}: {'T5X alone' if other is None else f'optax within {largest:.1e}'}")
        after = [{key: numbers(x) for key, x in t5x[step - 1].items()} for step in AFTER]
        cases.append(f"{json.dumps(name)}: {json.dumps({'settings': settings, 'parameters': after})}")
    lines.append('"cases": {\n' + ",\n".join(cases) + "\n}")
    OUTPUT.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
