"""The programs that are compared: building them, their files and their command lines."""

import os
import pathlib
import subprocess
import sys

import cpu
from works import WORKS

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
PEERS = TARGET / "peers"

# The sides, in the order of the tables' columns.
SIDES = {
    "mtpt": "mtpt",
    "peft": "PEFT",
    "mtpt int8": "mtpt, int8",
    "ctranslate2": "CTranslate2",
    "ctranslate2 int8": "CTranslate2, int8",
    "candle": "candle",
}
# Works of the sides that don't have all: products alone have no weights of a model, and these
# programs no prompts.
WORKS_OF = {
    "mtpt int8": ["steps", "mixture", "evaluation", "generation", "cold"],
    "ctranslate2": ["generation", "cold"],
    "ctranslate2 int8": ["generation", "cold"],
    "candle": ["generation", "cold"],
}


def call(command, **options):
    """Runs a program that must succeed."""
    print("$ " + " ".join(map(str, command)), file=sys.stderr)
    subprocess.run(command, check=True, stdout=sys.stderr, **options)


def interpreter(given):
    """Returns the interpreter with PEFT: the given one, or that of a virtual environment, created if missing."""
    if given:
        return given
    python = PEERS / "venv" / "bin" / "python"
    done = PEERS / "venv" / "requirements.txt"
    wanted = (HERE / "requirements.txt").read_text()
    if not done.is_file() or done.read_text() != wanted:
        call([sys.executable, "-m", "venv", PEERS / "venv"])
        call([python, "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt"])
        done.write_text(wanted)
    return python


def build(features):
    """Builds mtpt's side with the features of the workspace and further ones of this package."""
    command = ["cargo", "build", "--release", "--workspace", "--bin", "peers"]
    if features:
        command += ["--features", ",".join(f"mtpt-benches/{name}" for name in features.split(","))]
    call(command, cwd=ROOT)
    return TARGET / "release" / "peers"


def build_candle():
    """Builds candle's side, a separate workspace."""
    manifest = HERE / "candle" / "Cargo.toml"
    target = PEERS / "candle"
    call(["cargo", "build", "--release", "--manifest-path", manifest, "--target-dir", target])
    return target / "release" / "candle-peers"


class Programs:
    """Programs that are built, with the models and data that they read."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.python = interpreter(arguments.python)
        self.sides = ["mtpt", "peft"]
        if arguments.weights == "int8":
            self.sides.append("mtpt int8")
        self.binaries = {"mtpt": arguments.worker or build(arguments.features)}
        self.mask = []
        if arguments.instructions == "avx2":
            self.mask = ["--mask-avx512", cpu.feature_cache(self.binaries["mtpt"])]
        if arguments.device == "flex" and not arguments.without_ctranslate2:
            self.sides += ["ctranslate2", "ctranslate2 int8"]
        if not arguments.without_candle:
            self.sides.append("candle")
            self.binaries["candle"] = build_candle()
        self.rows = arguments.rows or PEERS / "rows"
        tokenizer = ROOT / "examples" / "models" / "mtpt-nano"
        if not arguments.rows:
            command = [self.binaries["mtpt"], "prepare", "--data", arguments.data]
            command += ["--tokenizer", tokenizer, "--output", self.rows]
            if arguments.dev_rows:
                command += ["--dev-rows", str(arguments.dev_rows)]
            call(command)
        for model in arguments.models:
            folder = PEERS / model
            made = ["--shape", model, "--tokenizer", tokenizer, "--output", folder]
            again = self.make(HERE / "make_models.py", made, folder / "made_by.py")
            if "ctranslate2" in self.sides:
                script = HERE / "convert_ctranslate2.py"
                self.make(script, [folder], folder / "converted_by.py", again)

    def make(self, script, arguments, copy, again=False):
        """Runs a script that writes files, unless the same one already did; returns whether it ran."""
        if not again and copy.is_file() and copy.read_text() == script.read_text():
            return False
        call([self.python, script, *arguments])
        copy.write_text(script.read_text())
        return True

    def environment(self, threads):
        return {
            **os.environ,
            **cpu.ENVIRONMENTS[self.arguments.instructions],
            "OMP_NUM_THREADS": str(threads),
            "RAYON_NUM_THREADS": str(threads),
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_VERBOSITY": "error",
            "PYTHONWARNINGS": "ignore",
        }

    def sides_of(self, work):
        """Returns the sides that support a work."""
        return [side for side in self.sides if work in WORKS_OF.get(side, WORKS)]

    def command(self, side, work, model):
        files = ["--folder", PEERS / model, "--rows", self.rows / f"{work}.json"]
        program, *int8 = side.split()
        if program == "mtpt":
            files += ["--device", self.arguments.device, *(["--weights", "int8"] if int8 else [])]
            return [self.binaries["mtpt"], *self.mask, work, *files]
        if program == "candle":
            return [self.binaries["candle"], work, *files]
        command = [self.python, HERE / f"worker_{program}.py", work, *files]
        if program == "ctranslate2":
            return [*command, "--weights", "int8" if int8 else "float32"]
        command += ["--device", self.arguments.peft_device]
        return [*command, *(["--tf32"] if self.arguments.tf32 else [])]
