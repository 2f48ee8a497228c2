"""Timing the programs in turn."""

import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

from works import ROUNDS


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


def median(answer):
    return statistics.median(value["seconds"] for value in answer["rounds"])


class Measuring:
    """Alternating rounds of all programs, after one that isn't timed."""

    def __init__(self, programs, rounds, threads):
        self.programs = programs
        self.given_rounds = rounds
        self.threads = threads

    def rounds(self, work):
        return self.given_rounds or ROUNDS[work]

    def measure(self, work, model):
        """Returns the answers of each side; for `limit`, those with one thread and with all."""
        if work == "cold":
            return self.measure_cold(model)
        if work == "limit":
            counts = sorted({1, self.threads})
            return {str(threads): self.measure_with(threads, work, model) for threads in counts}
        return self.measure_with(self.threads, work, model)

    def measure_with(self, threads, work, model):
        environment = self.programs.environment(threads)
        workers = {
            side: Worker(self.programs.command(side, work, model), environment)
            for side in self.programs.sides_of(work)
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
        if work in ["evaluation", "generation"]:
            for side in ["mtpt", "peft"]:
                answers[side]["check"] = workers[side].ask("check")
        for worker in workers.values():
            worker.end()
        return answers

    def measure_cold(self, model):
        answers = {side: {"rounds": []} for side in self.programs.sides_of("cold")}
        environment = self.programs.environment(self.threads)
        # The first round of each loads the files into the page cache.
        for number in range(1 + self.rounds("cold")):
            for side, answer in answers.items():
                begun = time.perf_counter()
                process = subprocess.Popen(
                    list(map(str, self.programs.command(side, "cold", model))),
                    stdout=subprocess.PIPE,
                    env=environment,
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
