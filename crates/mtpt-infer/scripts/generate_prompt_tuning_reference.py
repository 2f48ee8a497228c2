"""Generates prompts in the formats of google-research/prompt-tuning.

    python scripts/generate_prompt_tuning_reference.py [PATH/TO/mtpt]

Writes to `tests/fixtures/prompt_tuning/`:

- `prompt.npy` and `prompt_*.npy`: the same prompt with several dtypes and memory layouts
- `checkpoint_20/`: the same prompt in a numpy checkpoint
- `integers.npy`: an array that is not a prompt
- `<strategy>/`: the parameters `shared_prompt` and `task_prompts` of the modules in
  `prompt_tuning/extended/multitask_prompts.py`
- `<strategy>.composed.npy`: the prompts of all tasks, computed with the equations of that file,
  position by position and in double precision

With the command `mtpt`, also compares the arrays it exports with these, as numpy reads them.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
OUTPUT = HERE / "../tests/fixtures/prompt_tuning"
LENGTH, WIDTH, TASKS = 5, 16, 3
TASK_LENGTH, TASK_WIDTH, SHARED_WIDTH = 2, 4, 6


def parameters(strategy, rng):
    """Returns `shared_prompt` `[length, features]` and `task_prompts` `[tasks, size]`."""
    features = {"concat_features": WIDTH - TASK_WIDTH, "project": SHARED_WIDTH}.get(strategy, WIDTH)
    size = {
        "add": LENGTH * WIDTH,
        "concat": TASK_LENGTH * WIDTH,
        "concat_features": LENGTH * TASK_WIDTH,
        "project": WIDTH * SHARED_WIDTH + WIDTH,
    }[strategy]
    shared = rng.standard_normal((LENGTH, features)).astype(np.float32)
    return shared, rng.standard_normal((TASKS, size)).astype(np.float32)


def composed(strategy, shared, task):
    """Returns the prompt of a task from the shared prompt and the task's row of `task_prompts`."""
    shared, task = shared.astype(np.float64), task.astype(np.float64)
    if strategy == "add":
        return shared + task.reshape(LENGTH, WIDTH)
    if strategy == "concat":
        return np.concatenate([shared, task.reshape(TASK_LENGTH, WIDTH)], axis=0)
    if strategy == "concat_features":
        return np.concatenate([shared, task.reshape(LENGTH, TASK_WIDTH)], axis=1)
    kernel = task[: WIDTH * SHARED_WIDTH].reshape(WIDTH, SHARED_WIDTH)
    bias = task[WIDTH * SHARED_WIDTH :]
    return np.stack([kernel @ shared[position] + bias for position in range(LENGTH)])


def check(mtpt, strategy, shared, tasks, prompts):
    """Checks that an import and export restores the arrays, and that one task has its prompt."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        file, arrays, one = folder / "prompts.safetensors", folder / "arrays", folder / "one.npy"
        run = [mtpt, "import", "--format", "npy", "--strategy", strategy, OUTPUT / strategy]
        subprocess.run(run + ["--output", file], check=True)
        run = [mtpt, "export", "--format", "npy", "--prompts", file]
        subprocess.run(run + ["--output", arrays], check=True)
        assert np.array_equal(np.load(arrays / "shared_prompt.npy"), shared)
        assert np.array_equal(np.load(arrays / "task_prompts.npy"), tasks)
        subprocess.run(run + ["--task", "task1", "--output", one], check=True)
        found = np.load(one)
        assert found.dtype == np.float32 and found.shape == prompts[1].shape
        print(strategy, "largest difference of a composed prompt", np.abs(found - prompts[1]).max())


def main():
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    rng = np.random.default_rng(0)
    prompt = rng.standard_normal((LENGTH, WIDTH)).astype(np.float32)
    np.save(OUTPUT / "prompt.npy", prompt)
    np.save(OUTPUT / "prompt_f8.npy", prompt.astype(np.float64))
    np.save(OUTPUT / "prompt_fortran.npy", np.asfortranarray(prompt))
    np.save(OUTPUT / "prompt_big_endian.npy", prompt.astype(">f4"))
    np.savez(OUTPUT / "prompt.npz", prompt=prompt)
    np.save(OUTPUT / "integers.npy", np.arange(6).reshape(2, 3))
    # Files in numpy checkpoints are named after parameters and have no extension.
    checkpoint = OUTPUT / "checkpoint_20"
    checkpoint.mkdir()
    with open(checkpoint / "encoder.prompt.prompt.prompt", "wb") as file:
        np.save(file, prompt)
    for strategy in ["add", "concat", "concat_features", "project"]:
        shared, tasks = parameters(strategy, rng)
        folder = OUTPUT / strategy
        folder.mkdir()
        names = {"shared_prompt.npy": shared, "task_prompts.npy": tasks}
        if strategy == "add":
            scope = "encoder.prompt.prompt"
            names = {f"{scope}.shared_prompt": shared, f"{scope}.task_prompts.embedding": tasks}
        for name, values in names.items():
            with open(folder / name, "wb") as file:
                np.save(file, values)
        prompts = np.stack([composed(strategy, shared, task) for task in tasks])
        np.save(OUTPUT / f"{strategy}.composed.npy", prompts)
        if len(sys.argv) > 1:
            check(sys.argv[1], strategy, shared, tasks, prompts)


if __name__ == "__main__":
    main()
