"""Times PEFT and mtpt in turn on the same data, and checks that both compute the same.

    python3 benches/peers/run.py

`README.md` next to this file describes what is measured.
"""

import argparse
import json
import os
import pathlib

import cpu
from measuring import Measuring, Others
from programs import ROOT, Programs
from report import Report
from works import ROUNDS, WORKS


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
    parser.add_argument(
        "--instructions",
        choices=["avx2", "avx512"],
        help="vector instructions of all programs [default: what each of them selects]",
    )
    parser.add_argument(
        "--weights",
        choices=["f32", "int8"],
        default="f32",
        help="`int8` also measures mtpt with int8 weights [default: f32]",
    )
    parser.add_argument("--without-candle", action="store_true")
    parser.add_argument("--without-ctranslate2", action="store_true")
    arguments = parser.parse_args()
    arguments.models = ["small", "base"] if arguments.model == "both" else [arguments.model]
    asked = arguments.work.split(",")
    if unknown := [work for work in asked if work not in WORKS]:
        parser.error(f"no work `{unknown[0]}`: there are {', '.join(WORKS)}")
    arguments.works = [work for work in WORKS if work in asked]
    if not arguments.peft_device:
        arguments.peft_device = "cuda" if arguments.device.startswith("cuda") else "cpu"
    if not arguments.rows and not arguments.data.is_dir():
        parser.error(f"no folder `{arguments.data}`: `--data` takes one with `glue/` and `text/`")
    wanted = {"avx2": "avx2", "avx512": "avx512f"}.get(arguments.instructions)
    if wanted and wanted not in cpu.extensions():
        parser.error(f"`--instructions {arguments.instructions}`: this CPU has no {wanted}")
    return arguments


def main():
    arguments = parse()
    programs = Programs(arguments)
    measuring = Measuring(programs, arguments.rounds, arguments.threads)
    report = Report(arguments, programs)
    raw = {}
    for model in arguments.models:
        for work in arguments.works:
            others = Others()
            raw[f"{model} {work}"] = answers = measuring.measure(work, model)
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
