"""Prints the constants of tests/reference.rs: metrics as scikit-learn and scipy compute them, and T5's rounding of scores.

Needs numpy, scipy and scikit-learn. Run from anywhere:

    python generate_reference.py > ../tests/reference.rs && rustfmt ../tests/reference.rs
"""

import numpy
import scipy
import scipy.stats
import sklearn
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef


def classes(generator, count, rows, agreement):
    """Gold classes and predictions that agree for some of the rows."""
    gold = generator.integers(0, count, rows)
    other = generator.integers(0, count, rows)
    predicted = numpy.where(generator.random(rows) < agreement, gold, other)
    return [(int(a), int(b)) for a, b in zip(gold, predicted)]


def class_case(name, pairs):
    gold, predicted = zip(*pairs)
    f1 = [f1_score(gold, predicted, labels=[label], average=None, zero_division=0)[0] for label in (0, 1)]
    accuracy = accuracy_score(gold, predicted)
    # Over all classes, each miss is another class's false alarm.
    assert numpy.isclose(f1_score(gold, predicted, average="micro"), accuracy)
    values = [
        accuracy,
        f1[0],
        f1[1],
        f1_score(gold, predicted, average="macro", zero_division=0),
        f1_score(gold, predicted, labels=[0], average="micro", zero_division=0),
        f1_score(gold, predicted, labels=[1, 2], average="micro", zero_division=0),
        matthews_corrcoef(gold, predicted),
    ]
    print(f'    ("{name}", &{pairs}, [{", ".join(repr(float(value)) for value in values)}]),')


def score_case(name, pairs):
    gold, predicted = zip(*pairs)
    values = [
        scipy.stats.pearsonr(gold, predicted).statistic,
        scipy.stats.spearmanr(gold, predicted).statistic,
    ]
    print(f'    ("{name}", &{pairs}, [{", ".join(repr(float(value)) for value in values)}]),')


MASK = 2**64 - 1


def mix(state):
    """SplitMix64's step and output."""
    state = (state + 0x9E3779B97F4A7C15) & MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


def mixed(seed, *numbers):
    state = mix(seed)
    for number in numbers:
        state = mix(state ^ number)
    return state


def permuted(length, seed, place):
    """The number at a place of a seeded order: a Feistel network, walked until it comes back below the length."""
    bits = max((length - 1).bit_length(), 2)
    while True:
        high_bits, low_bits = bits // 2, bits - bits // 2
        high, low = place >> low_bits, place % 2**low_bits
        for turn in range(8):
            high, low = low, high ^ (mixed(seed, turn, low) % 2**high_bits)
            high_bits, low_bits = low_bits, high_bits
        place = high * 2**low_bits + low
        if place < length:
            return place


def picks(sizes, seed, start, rows):
    """Rows of a uniform mixture, by walking the whole sequence from its beginning."""
    each = max(-(-4096 // len(sizes)), 64)
    draws = [0] * len(sizes)
    sequence = []
    block = 0
    while len(sequence) < start + rows:
        tasks = [task for task in range(len(sizes)) for _ in range(each)]
        block_seed = mixed(seed, 1, block)
        for last in range(len(tasks) - 1, 0, -1):
            other = mixed(block_seed, last) * (last + 1) >> 64
            tasks[last], tasks[other] = tasks[other], tasks[last]
        for task in tasks:
            turn, place = divmod(draws[task], sizes[task])
            sequence.append((task, permuted(sizes[task], mixed(seed, 2, task, turn), place)))
            draws[task] += 1
        block += 1
    return sequence[start : start + rows]


def main():
    generator = numpy.random.default_rng(7)
    print("//! Written by scripts/generate_reference.py with")
    print(f"//! numpy {numpy.__version__}, scipy {scipy.__version__}, scikit-learn {sklearn.__version__}.")
    print()
    print("/// Pairs (gold, predicted).")
    print("pub(crate) type Classes = &'static [(usize, usize)];")
    print("/// Pairs (gold, predicted).")
    print("pub(crate) type Scores = &'static [(f64, f64)];")
    print()
    print("/// Accuracy, F1 of class 0, F1 of class 1, macro F1, micro F1 of class 0, micro F1 of classes 1 and 2, Matthews.")
    print("pub(crate) const CLASSES: &[(&str, Classes, [f64; 7])] = &[")
    class_case("two classes", classes(generator, 2, 40, 0.5))
    class_case("two classes, mostly right", classes(generator, 2, 25, 0.9))
    class_case("two classes, all wrong", [(0, 1), (1, 0), (1, 0)])
    class_case("two classes, all right", [(0, 0), (1, 1), (1, 1)])
    class_case("six classes", classes(generator, 6, 60, 0.6))
    class_case("a predicted class that no row has", [(0, 0), (1, 2), (1, 1), (0, 2)])
    class_case("a constant prediction", [(0, 1), (1, 1), (1, 1), (0, 1)])
    class_case("a constant gold class", [(1, 1), (1, 0), (1, 1)])
    class_case("one class everywhere", [(1, 1), (1, 1)])
    print("];")
    print()
    print("/// Pearson, Spearman.")
    print("pub(crate) const SCORES: &[(&str, Scores, [f64; 2])] = &[")
    gold = numpy.round(generator.random(30) * 25) / 5
    predicted = numpy.round(numpy.clip(gold + generator.normal(0, 1, 30), 0, 5) * 5) / 5
    score_case("steps of 0.2, with ties", [(round(float(a), 1), round(float(b), 1)) for a, b in zip(gold, predicted)])
    score_case("no ties", [(float(a), float(b)) for a, b in generator.normal(0, 1, (12, 2)).round(3)])
    score_case("against one another", [(1.0, -2.0), (2.0, -4.0), (3.5, -7.0)])
    score_case("far from zero", [(1e6 + a, 1e6 + b) for a, b in [(0.0, 1.0), (1.0, 0.5), (2.0, 3.0), (3.0, 2.0)]])
    score_case("all ties but one", [(1.0, 0.0), (1.0, 0.0), (1.0, 2.0), (3.0, 0.0)])
    print("];")
    print()
    # T5 rounds the single-precision score by tf.round(score * 5) / 5, half to even, as numpy does.
    hundredths = numpy.arange(501, dtype=numpy.float32) / numpy.float32(100)
    steps = numpy.round(hundredths * numpy.float32(5)).astype(int)
    first = [int(numpy.argmax(steps == step)) for step in range(26)]
    assert (numpy.diff(steps) >= 0).all()
    print("/// The lowest score, in hundredths, that becomes each of the 26 words.")
    print(f"pub(crate) const FIRST_HUNDREDTHS: [usize; 26] = {first};")
    print()
    print("/// Rows (task, row) 32768 to 32799 of a uniform mixture of 5, 100 and 20 rows with the seed 42.")
    print(f"pub(crate) const PICKS: [(usize, usize); 32] = {picks([5, 100, 20], 42, 1024 * 32, 32)};")


main()
