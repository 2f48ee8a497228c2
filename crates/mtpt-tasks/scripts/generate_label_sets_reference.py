"""Prints tests/fixtures/label_sets.json: scikit-learn's metrics of rows with any number of labels, and SQuAD 2.0's metrics.

Needs the packages of requirements.txt. Run from anywhere:

    python generate_label_sets_reference.py > ../tests/fixtures/label_sets.json
"""

import json
import warnings

import numpy
from sklearn.metrics import accuracy_score, f1_score, hamming_loss
from transformers.data.metrics.squad_metrics import squad_evaluate

warnings.filterwarnings("ignore")  # scikit-learn warns of values that are undefined and set to 0.


def label_sets(name, gold, predicted):
    gold, predicted = numpy.array(gold), numpy.array(predicted)
    f1 = lambda average: float(f1_score(gold, predicted, average=average))
    return {
        "name": name,
        "labels": gold.shape[1],
        "gold": [numpy.flatnonzero(row).tolist() for row in gold],
        "predicted": [numpy.flatnonzero(row).tolist() for row in predicted],
        "sample_f1": f1("samples"),
        "micro_f1": f1("micro"),
        "macro_f1": f1("macro"),
        "subset_accuracy": float(accuracy_score(gold, predicted)),
        "hamming_score": 1 - float(hamming_loss(gold, predicted)),
    }


class Question:
    """What squad_evaluate reads of an example."""

    def __init__(self, number, answers):
        self.qas_id = str(number)
        self.answers = [{"text": text} for text in answers]


def squad(rows):
    questions = [Question(number, answers) for number, (_, answers) in enumerate(rows)]
    predictions = {str(number): text for number, (text, _) in enumerate(rows)}
    values = squad_evaluate(questions, predictions)
    return {
        "predictions": [text for text, _ in rows],
        "references": [answers for _, answers in rows],
        "squad_v2_f1": values["f1"] / 100,
        "squad_v2_exact_match": values["exact"] / 100,
        "squad_v2_has_answer_f1": values["HasAns_f1"] / 100,
        "squad_v2_has_answer_exact_match": values["HasAns_exact"] / 100,
        "squad_v2_no_answer_accuracy": values["NoAns_exact"] / 100,
    }


def main():
    generator = numpy.random.default_rng(13)
    random = lambda rows, labels, share: (generator.random((rows, labels)) < share).astype(int)
    gold = random(40, 5, 0.4)
    noisy = numpy.where(generator.random((40, 5)) < 0.2, 1 - gold, gold)
    cases = [
        label_sets("noisy", gold, noisy),
        label_sets("random", random(25, 3, 0.3), random(25, 3, 0.6)),
        label_sets("all right", gold, gold),
        label_sets("a label that never occurs", [[1, 0, 0], [1, 1, 0]], [[1, 0, 0], [0, 1, 0]]),
        label_sets("rows without labels", [[0, 0], [0, 0], [1, 0]], [[0, 0], [1, 0], [0, 0]]),
        label_sets("nothing predicted", [[1, 0], [0, 1]], [[0, 0], [0, 0]]),
    ]
    questions = squad(
        [
            ("red green", ["red green"]),
            ("an answer", []),
            ("", []),
            ("the", []),
            ("Blue and red.", ["blue", "the red and blue"]),
            ("", ["yellow"]),
            ("Paris, France", ["Paris", "a"]),
            ("wrong", ["right"]),
            ("", ["the"]),
        ]
    )
    print(json.dumps({"label_sets": cases, "squad_v2": questions}))


main()
