"""Times PEFT and mtpt in turn on the same data, and checks that both compute the same.

    python3 benches/peers/run.py

`README.md` beside this file says what is measured.
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
PEERS = TARGET / "peers"

# Timed repetitions of each work.
ROUNDS = {"steps": 7, "mixture": 3, "evaluation": 1, "generation": 5, "cold": 5, "limit": 7}
# Relative tolerance between both sides.
BOUND = 1e-3


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


class Others:
    """Fraction of the CPU time used by other programs since its creation, if the system reports it."""

    def __init__(self):
        self.begun = self.now()

    @staticmethod
    def now():
        """CPU seconds: total, not idle, and of the child processes that have ended."""
        try:
            line = pathlib.Path("/proc/stat").read_text().splitlines()[0]
        except OSError:
            return None
        user, nice, system, idle, waiting, *rest = (
            int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in line.split()[1:9]
        )
        busy = user + nice + system + sum(rest)
        own = resource.getrusage(resource.RUSAGE_CHILDREN)
        return busy + idle + waiting, busy, own.ru_utime + own.ru_stime

    def share(self):
        if self.begun is None:
            return None
        passed, busy, own = (now - then for now, then in zip(self.now(), self.begun))
        return max(0.0, busy - own) / passed


class Worker:
    """A process that runs a repetition of a work for each line it reads."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sys.stderr,
            text=True,
            env=environment,
        )
        self.ready = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"`{' '.join(self.process.args)}` ended, see above")
        return json.loads(line)

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self.read()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Bench:
    def __init__(self, arguments):
        self.arguments = arguments
        self.python = interpreter(arguments.python)
        self.binaries = {"mtpt": arguments.worker or build(arguments.features)}
        if not arguments.without_candle:
            self.binaries["candle"] = build_candle()
        threads = str(arguments.threads)
        self.environment = {
            **os.environ,
            "OMP_NUM_THREADS": threads,
            "RAYON_NUM_THREADS": threads,
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_VERBOSITY": "error",
            "PYTHONWARNINGS": "ignore",
        }
        self.rows = arguments.rows or PEERS / "rows"
        tokenizer = ROOT / "examples" / "models" / "mtpt-nano"
        if not arguments.rows:
            command = [self.binaries["mtpt"], "prepare", "--data", arguments.data]
            command += ["--tokenizer", tokenizer, "--output", self.rows]
            if arguments.dev_rows:
                command += ["--dev-rows", str(arguments.dev_rows)]
            call(command)
        for model in arguments.models:
            self.make(model, tokenizer)

    def make(self, model, tokenizer):
        """Creates the random model and its prompts, unless the same script already did."""
        script, made = HERE / "make_models.py", PEERS / model / "made_by.py"
        if not made.is_file() or made.read_text() != script.read_text():
            command = [self.python, script, "--shape", model, "--tokenizer", tokenizer]
            call([*command, "--output", PEERS / model])
            made.write_text(script.read_text())

    def command(self, side, work, model):
        if side == "peft":
            command = [self.python, HERE / "worker_peft.py", work]
            command += ["--device", self.arguments.peft_device]
            command += ["--tf32"] if self.arguments.tf32 else []
        else:
            command = [self.binaries[side], work]
        if side == "mtpt":
            command += ["--device", self.arguments.device]
        return [*command, "--folder", PEERS / model, "--rows", self.rows / f"{work}.json"]

    def sides(self, work):
        others = ["candle"] if "candle" in self.binaries and work in ["generation", "cold"] else []
        return ["mtpt", "peft", *others]

    def rounds(self, work):
        return self.arguments.rounds or ROUNDS[work]

    def measure(self, work, model):
        """Returns the answers of each side in alternating rounds, after one that isn't timed."""
        if work == "cold":
            return self.measure_cold(model)
        workers = {
            side: Worker(self.command(side, work, model), self.environment)
            for side in self.sides(work)
        }
        answers = {
            side: {"ready": worker.ready, "warm": worker.ask("warm"), "rounds": []}
            for side, worker in workers.items()
        }
        for number in range(self.rounds(work)):
            for side, worker in workers.items():
                answers[side]["rounds"].append(worker.ask("go"))
                seconds = answers[side]["rounds"][-1]["seconds"]
                print(f"{model} {work} {number} {side}: {seconds:.3f} s", file=sys.stderr)
        if work == "evaluation":
            for side, worker in workers.items():
                answers[side]["check"] = worker.ask("check")
        for worker in workers.values():
            worker.end()
        return answers

    def measure_cold(self, model):
        answers = {side: {"rounds": []} for side in self.sides("cold")}
        # The first round of each loads the files into the page cache.
        for number in range(1 + self.rounds("cold")):
            for side, answer in answers.items():
                begun = time.perf_counter()
                process = subprocess.Popen(
                    list(map(str, self.command(side, "cold", model))),
                    stdout=subprocess.PIPE,
                    env=self.environment,
                    text=True,
                )
                line = process.stdout.readline()
                seconds = time.perf_counter() - begun
                process.wait()
                if process.returncode:
                    raise SystemExit(f"`{side}` failed, see above")
                if number:
                    answer["rounds"].append({**json.loads(line), "seconds": seconds})
        return answers


def median(answer):
    return statistics.median(value["seconds"] for value in answer["rounds"])


def apart(ours, theirs):
    """Returns the largest relative difference of values in nested lists."""
    if isinstance(ours, list):
        assert len(ours) == len(theirs), "as many numbers on both sides"
        return max((apart(a, b) for a, b in zip(ours, theirs)), default=0.0)
    return abs(ours - theirs) / abs(theirs)


def check_losses(answers):
    """Returns both sides' losses, round by round."""
    losses = {
        side: [value["losses"] for value in [answer["warm"], *answer["rounds"]]]
        for side, answer in answers.items()
    }
    found = apart(losses["mtpt"], losses["peft"])
    count = sum(map(len, losses["mtpt"]))
    first, last = losses["mtpt"][0][0], losses["mtpt"][-1][-1]
    said = f"{count} losses ({first:.3f} to {last:.3f}) within {found:.1e}"
    return found < BOUND, said


def check_evaluation(answers, tasks):
    """Compares log-probabilities of some rows, and counts predictions with the same first token."""
    scores = {side: answer["check"]["scores"] for side, answer in answers.items()}
    found = apart(scores["mtpt"], scores["peft"])
    ours, theirs = (answers[side]["rounds"][0]["predictions"] for side in ["mtpt", "peft"])
    same = rows = 0
    alike = []
    for task, of_ours, of_theirs in zip(tasks, ours, theirs):
        first = [ids[0] for ids in task["candidates"]]
        same += sum(first[a] == first[b] for a, b in zip(of_ours, of_theirs))
        rows += len(of_ours)
        if len(set(first)) < len(first):
            alike.append(task["name"])
    rows_checked = sum(map(len, scores["mtpt"]))
    said = (
        f"log-probabilities of all labels of {rows_checked} rows within {found:.1e}; "
        f"the first label token is that of the most probable label in {same:,} of {rows:,} rows"
    )
    if alike:
        said += f" (labels that begin alike: {', '.join(alike)})"
    return found < BOUND, said


def check_texts(answers):
    texts = {side: answers[side]["rounds"][0]["ids"] for side in ["mtpt", "peft"]}
    same = sum(a == b for a, b in zip(texts["mtpt"], texts["peft"]))
    tokens = {len(text) for text in texts["mtpt"] + texts["peft"]}
    distinct = len({token for text in texts["mtpt"] for token in text})
    said = (
        f"{same} of {len(texts['mtpt'])} texts the same, each of {', '.join(map(str, tokens))} "
        f"tokens, {distinct} different ones in all"
    )
    return same == len(texts["mtpt"]) == len(texts["peft"]), said


def check_cold(answers):
    ids = [answers[side]["rounds"][0]["ids"] for side in ["mtpt", "peft"]]
    labels = [answers[side]["rounds"][0]["label"] for side in ["mtpt", "peft"]]
    return ids[0] == ids[1], f"the same {len(ids[0])} tokens, labels `{'`, `'.join(labels)}`"


WORKS = {
    "limit": "16 products of a step's positions and a feed-forward weight",
    "steps": "step on 16 rows of 128 tokens",
    "mixture": "steps on eight tasks with their real lengths, rows per second",
    "evaluation": "label prediction for all dev rows, rows per second",
    "generation": "32 tokens for each of 16 rows",
    "cold": "process start to first label",
}


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


class Report:
    """Tables of the measurements."""

    def __init__(self, arguments, rows):
        self.arguments = arguments
        self.rows = rows
        self.times, self.memory, self.shares, self.checks = [], [], [], []
        self.others = {}
        self.rates, self.failed = {}, False

    def count(self, work):
        """Rows of a repetition, if it is reported in rows per second."""
        if work == "mixture":
            return sum(map(len, json.loads((self.rows / "mixture.json").read_text())))
        if work == "evaluation":
            tasks = json.loads((self.rows / "evaluation.json").read_text())
            return sum(len(task["rows"]) for task in tasks)
        return None

    def add(self, model, work, answers):
        seconds = {side: median(answer) for side, answer in answers.items()}
        count = self.count(work)
        shown = {
            side: f"{count / value:.1f}" if count else f"{value:.3f} s"
            for side, value in seconds.items()
        }
        times = f"{seconds['peft'] / seconds['mtpt']:.2f}"
        self.times.append(
            [model, WORKS[work], shown["mtpt"], shown["peft"], times, shown.get("candle", "")]
        )
        if work in ["steps", "mixture", "evaluation"]:
            peaks = {side: answers[side]["rounds"][-1]["peak_kib"] for side in ["mtpt", "peft"]}
            peak = [f"{peaks[side] / 2**20:.2f} GiB" for side in ["mtpt", "peft"]]
            ratio = f"{peaks['peft'] / peaks['mtpt']:.2f}"
            self.memory.append([model, WORKS[work].removesuffix(", rows a second"), *peak, ratio])
        if work == "limit":
            self.rates[model] = {
                side: answers[side]["rounds"][0]["operations"] / seconds[side] for side in seconds
            }
        if work == "steps" and model in self.rates:
            operations = answers["mtpt"]["ready"]["operations"]
            rates = self.rates[model]
            shares = [f"{operations / rates[side] / seconds[side]:.0%}" for side in rates]
            best = max(rates.values())
            of_best = [f"{operations / best / seconds[side]:.0%}" for side in rates]
            told = [f"{rates[side] / 1e9:.0f}" for side in rates]
            self.shares.append([model, f"{operations / 1e9:.0f}", *told, *shares, *of_best])
        self.check(model, work, answers)

    def check(self, model, work, answers):
        if work in ["steps", "mixture"]:
            good, said = check_losses(answers)
        elif work == "evaluation":
            tasks = json.loads((self.rows / "evaluation.json").read_text())
            good, said = check_evaluation(answers, tasks)
        elif work == "generation":
            good, said = check_texts(answers)
        elif work == "cold":
            good, said = check_cold(answers)
        else:
            return
        self.failed |= not good
        self.checks.append(f"- {model}, {work}: {'' if good else 'NOT THE SAME: '}{said}.")

    def markdown(self):
        parts = []
        if self.times:
            head = ["T5", "work", "mtpt", "PEFT", "speed-up", "candle"]
            parts.append(table(head, self.times))
        if self.memory:
            parts.append(table(["T5", "peak memory", "mtpt", "PEFT", "PEFT / mtpt"], self.memory))
        if self.shares:
            head = ["T5", "10⁹ operations of a step", "10⁹ per second, mtpt", "PEFT"]
            head += ["fraction of that, mtpt", "PEFT", "fraction of the larger, mtpt", "PEFT"]
            parts.append(table(head, self.shares))
        parts.append("\n".join(self.checks))
        threads = self.arguments.threads
        said = f"On {processor()}, {threads} thread{'s' if threads > 1 else ''}."
        # An idle machine uses some percent itself.
        busy = {work: share for work, share in self.others.items() if share and share > 0.05}
        if busy:
            told = "; ".join(f"{work}: {share:.0%}" for work, share in busy.items())
            said += f" Other programs used of the CPU time: {told}."
        parts.append(said)
        return "\n\n".join(part for part in parts if part)


def processor():
    """Returns the CPU's name."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data",
        type=pathlib.Path,
        default=ROOT / ".." / "shared" / "data",
        help="folder with `glue/` and `text/` [default: ../shared/data]",
    )
    parser.add_argument("--model", choices=["small", "base", "both"], default="both")
    parser.add_argument(
        "--work", default=",".join(WORKS), help=f"works, with commas between: {', '.join(WORKS)}"
    )
    parser.add_argument("--rounds", type=int, help=f"timed repetitions [default: {ROUNDS}]")
    parser.add_argument("--dev-rows", type=int, help="most rows of a task that are evaluated")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--device", default="flex", help="device of mtpt [default: flex]")
    parser.add_argument("--peft-device", help="device of PyTorch [default: that of mtpt, or cpu]")
    parser.add_argument("--tf32", action="store_true", help="let PyTorch multiply in TF32")
    parser.add_argument("--features", help="further features of mtpt's side, such as `cuda`")
    parser.add_argument("--worker", type=pathlib.Path, help="mtpt's side, built elsewhere")
    parser.add_argument("--rows", type=pathlib.Path, help="tokenized data, prepared elsewhere")
    parser.add_argument("--python", help="interpreter with the packages of requirements.txt")
    parser.add_argument("--output", type=pathlib.Path, help="file for the tables")
    parser.add_argument("--json", type=pathlib.Path, help="file for every answer")
    parser.add_argument("--without-candle", action="store_true")
    arguments = parser.parse_args()
    arguments.models = ["small", "base"] if arguments.model == "both" else [arguments.model]
    asked = arguments.work.split(",")
    if unknown := [work for work in asked if work not in WORKS]:
        parser.error(f"no work `{unknown[0]}`: there are {', '.join(WORKS)}")
    # In this order: the distance from the limit needs the limit first.
    arguments.works = [work for work in WORKS if work in asked]
    if not arguments.peft_device:
        arguments.peft_device = "cuda" if arguments.device.startswith("cuda") else "cpu"
    if not arguments.rows and not arguments.data.is_dir():
        parser.error(f"no folder `{arguments.data}`: `--data` takes one with `glue/` and `text/`")
    return arguments


def main():
    arguments = parse()
    bench = Bench(arguments)
    report = Report(arguments, bench.rows)
    raw = {}
    for model in arguments.models:
        for work in arguments.works:
            others = Others()
            raw[f"{model} {work}"] = answers = bench.measure(work, model)
            report.others[f"{model}, {work}"] = others.share()
            report.add(model, work, answers)
            # Keeps the measurements if a later work fails.
            if arguments.output:
                arguments.output.write_text(report.markdown() + "\n")
            if arguments.json:
                arguments.json.write_text(json.dumps(raw))
    print(report.markdown())
    if report.failed:
        raise SystemExit("error: the two sides did not compute the same")


if __name__ == "__main__":
    main()
