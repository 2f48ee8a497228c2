"""Prints the constants of tests/denoising_reference.rs: span corruption as Raffel et al. (2020, sections 3.1.4 and 3.3) describe
it, written down again with numpy, without a look at the Rust code.

Needs numpy. Run from anywhere:

    python generate_denoising_reference.py > ../tests/denoising_reference.rs && rustfmt ../tests/denoising_reference.rs

Probabilities are exact: every division of the tokens into runs is written out and counted. The known pair of T5, an input of
512 tokens from a text of 568 with a target of 114, is asserted.
"""

import itertools

import numpy


def counts(length, density, mean):
    """Lost tokens and spans. numpy rounds halves to even."""
    lost = int(numpy.clip(numpy.round(length * density), 1, length - 1))
    spans = int(numpy.clip(numpy.round(lost / mean), 1, length - lost))
    return lost, spans


def sizes(length, density, mean):
    """Tokens of input and target: what is kept, or lost, a sentinel for each span, and the end of sentence."""
    lost, spans = counts(length, density, mean)
    return length - lost + spans + 1, lost + spans + 1


def raw_length(longest_input, density, mean):
    """The longest text whose input still fits, found by trying one after another."""
    length = 2
    while sizes(length + 1, density, mean)[0] <= longest_input:
        length += 1
    return length


def divisions(items, parts):
    """All ways of dividing items into runs of at least one, as a table of a row for each."""
    cuts = itertools.combinations(range(1, items), parts - 1)
    return [numpy.diff(numpy.array((0, *cut, items))) for cut in cuts]


def probabilities(length, density, mean):
    """How likely each token is to be lost, and to be the first of a span."""
    lost, spans = counts(length, density, mean)
    masks = []
    for kept_runs in divisions(length - lost, spans):
        for lost_runs in divisions(lost, spans):
            runs = numpy.stack([kept_runs, lost_runs], axis=1).reshape(-1)
            masks.append(numpy.repeat(numpy.tile([0, 1], spans), runs))
    masks = numpy.array(masks)
    starts = masks[:, 1:] & (1 - masks[:, :-1])
    return len(masks), masks.mean(axis=0), numpy.concatenate([[0.0], starts.mean(axis=0)])


assert raw_length(512, 0.15, 3.0) == 568 and sizes(568, 0.15, 3.0) == (512, 114)

print("//! Made by `scripts/generate_denoising_reference.py`; not written by hand.")
print(f"//! numpy {numpy.__version__}")
print()
print("/// Noise density, mean span length, longest input; then the longest text and the length of its target.")
print("pub(crate) const LENGTHS: &[(f64, f64, usize, usize, usize)] = &[")
for density, mean in [(0.15, 3.0), (0.15, 2.0), (0.15, 10.0), (0.1, 3.0), (0.25, 3.0), (0.5, 3.0), (0.5, 32.0), (0.9, 1.0)]:
    for longest in [3, 16, 64, 256, 512, 1024]:
        length = raw_length(longest, density, mean)
        if sizes(length, density, mean)[0] <= longest:
            print(f"    ({density}, {mean}, {longest}, {length}, {sizes(length, density, mean)[1]}),")
print("];")
print()
print("/// Length; then lost tokens and spans with T5's numbers.")
print("pub(crate) const COUNTS: &[(usize, usize, usize)] = &[")
for length in [2, 3, 7, 10, 11, 16, 17, 30, 31, 50, 64, 100, 128, 333, 512, 568, 1000]:
    lost, spans = counts(length, 0.15, 3.0)
    print(f"    ({length}, {lost}, {spans}),")
print("];")
print()
print("/// Length, noise density, mean span length; number of masks, probability of each token to be lost, and to begin a span.")
print("type Probabilities<'a> = (usize, f64, f64, usize, &'a [f64], &'a [f64]);")
print()
print("/// Of short texts.")
print("pub(crate) const PROBABILITIES: &[Probabilities<'static>] = &[")
for length, density, mean in [(12, 0.4, 2.0), (16, 0.3, 1.5), (20, 0.15, 3.0), (24, 0.25, 3.0)]:
    number, lost, starts = probabilities(length, density, mean)
    texts = ["&[" + ", ".join(f"{value:.6f}" for value in values) + "]" for values in (lost, starts)]
    print(f"    ({length}, {density}, {mean}, {number}, {texts[0]}, {texts[1]}),")
print("];")
