"""Tables of the measurements."""

import json
import statistics

import agreement
import cpu
from measuring import median
from programs import SIDES
from works import WORKS

# The shapes in `limit` that dominate a work, by position: steps multiply all positions of a batch,
# generation also those of one token of each row.
SHAPES = {"steps": [0], "mixture": [0], "evaluation": [0], "generation": [0, 3]}


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def of_side(cells, sides):
    """Returns a cell for each side that was measured, empty where it has no value."""
    return [cells.get(side, "") for side in SIDES if side in sides]


class Report:
    def __init__(self, arguments, programs):
        self.arguments = arguments
        self.rows = programs.rows
        self.sides = programs.sides
        self.times, self.memory, self.products, self.shares, self.checks = [], [], [], [], []
        self.others, self.instructions = {}, {}
        # Operations per second of each product with all threads, by model and side.
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
        if work == "limit":
            for of_sides in answers.values():
                self.add_instructions(of_sides)
            return self.add_products(model, answers)
        self.add_instructions(answers)
        seconds = {side: median(answer) for side, answer in answers.items()}
        self.add_times(model, work, seconds)
        self.add_memory(model, work, answers)
        if work == "steps" and model in self.rates:
            self.add_shares(model, answers["mtpt"]["ready"]["operations"], seconds)
        self.check(model, work, answers)

    def add_instructions(self, answers):
        for side, answer in answers.items():
            if said := answer.get("ready", {}).get("instructions"):
                self.instructions[SIDES[side]] = said

    def add_products(self, model, answers):
        """Compares the products alone, with one thread and with all."""
        for threads, of_sides in answers.items():
            rates, shapes = {}, []
            for side, answer in of_sides.items():
                measured = zip(*(value["products"] for value in answer["rounds"]))
                measured = [list(products) for products in measured]
                shapes = [products[0]["shape"] for products in measured]
                rates[side] = [
                    statistics.median(product["rate"] for product in products)
                    for products in measured
                ]
            for shape, ours, theirs in zip(shapes, rates["mtpt"], rates["peft"], strict=True):
                told = [f"{rate / 1e9:.0f}" for rate in (ours, theirs)]
                size = " × ".join(f"{value:,}" for value in shape)
                self.products.append([model, size, threads, *told, f"{ours / theirs:.2f}"])
            # The last is that with all threads.
            self.rates[model] = rates

    def product_ratio(self, model, work):
        """Returns how much faster mtpt's products alone are, for the shapes of a work."""
        if model not in self.rates:
            return ""
        rates = self.rates[model]
        ratios = [rates["mtpt"][shape] / rates["peft"][shape] for shape in SHAPES.get(work, [])]
        return " and ".join(f"{ratio:.2f}" for ratio in ratios)

    def add_times(self, model, work, seconds):
        count = self.count(work)
        shown = {
            side: f"{count / value:.1f}" if count else f"{value:.3f} s"
            for side, value in seconds.items()
        }
        for side in set(seconds) - {"mtpt", "peft"}:
            shown[side] += f" ({seconds['mtpt'] / seconds[side]:.2f})"
        ratio = f"{seconds['peft'] / seconds['mtpt']:.2f}"
        ours, theirs, *others = of_side(shown, self.sides)
        self.times.append(
            [model, WORKS[work], ours, theirs, ratio, self.product_ratio(model, work), *others]
        )

    def add_memory(self, model, work, answers):
        peaks = {
            side: answer["rounds"][-1]["peak_kib"]
            for side, answer in answers.items()
            if answer["rounds"][-1].get("peak_kib")
        }
        if "mtpt" not in peaks or "peft" not in peaks:
            return
        shown = {side: f"{peak / 2**20:.2f} GiB" for side, peak in peaks.items()}
        ours, theirs, *others = of_side(shown, self.sides)
        ratio = f"{peaks['mtpt'] / peaks['peft']:.2f}"
        work = WORKS[work].removesuffix(", rows per second")
        self.memory.append([model, work, ours, theirs, ratio, *others])

    def add_shares(self, model, operations, seconds):
        rates = {side: products[0] for side, products in self.rates[model].items()}
        shares = [f"{operations / rates[side] / seconds[side]:.0%}" for side in rates]
        best = max(rates.values())
        of_best = [f"{operations / best / seconds[side]:.0%}" for side in rates]
        told = [f"{rates[side] / 1e9:.0f}" for side in rates]
        self.shares.append([model, f"{operations / 1e9:.0f}", *told, *shares, *of_best])

    def check(self, model, work, answers):
        if work in ["steps", "mixture"]:
            good, said = agreement.check_losses(answers)
        elif work == "evaluation":
            tasks = json.loads((self.rows / "evaluation.json").read_text())
            good, said = agreement.check_evaluation(answers, tasks)
        elif work == "generation":
            good, said = agreement.check_texts(answers)
        else:
            good, said = agreement.check_cold(answers)
        self.failed |= not good
        self.checks.append(f"- {model}, {work}: {'' if good else 'NOT THE SAME: '}{said}.")

    def markdown(self):
        others = [name for side, name in SIDES.items() if side in self.sides][2:]
        parts = []
        if self.times:
            head = ["T5", "work", "mtpt", "PEFT", "speed-up", "that of products alone"]
            head += [f"{name} (speed, mtpt = 1)" for name in others]
            parts.append(table(head, self.times))
        if self.products:
            head = ["T5", "product", "threads", "10⁹ operations per second, mtpt", "PyTorch"]
            parts.append(table([*head, "ratio"], self.products))
        if self.memory:
            head = ["T5", "peak memory", "mtpt", "PEFT", "mtpt / PEFT", *others]
            parts.append(table(head, self.memory))
        if self.shares:
            head = ["T5", "10⁹ operations of a step", "10⁹ per second, mtpt", "PEFT"]
            head += ["fraction of that, mtpt", "PEFT", "fraction of the larger, mtpt", "PEFT"]
            parts.append(table(head, self.shares))
        parts.append("\n".join(self.checks))
        parts.append(self.machine())
        return "\n\n".join(part for part in parts if part)

    def machine(self):
        """Describes the CPU, and what the programs used of it."""
        threads = self.arguments.threads
        said = f"On {cpu.description()}, {threads} thread{'s' if threads > 1 else ''}."
        if self.arguments.instructions:
            said += f" Run with `--instructions {self.arguments.instructions}`."
        if self.instructions:
            told = "; ".join(f"{side}: {used}" for side, used in self.instructions.items())
            said += f" Instructions selected by {told}."
        # An idle machine uses some percent itself.
        busy = {work: share for work, share in self.others.items() if share and share > 0.05}
        if busy:
            told = "; ".join(f"{work}: {share:.0%}" for work, share in busy.items())
            said += f" Other programs used of the CPU time: {told}."
        return said
