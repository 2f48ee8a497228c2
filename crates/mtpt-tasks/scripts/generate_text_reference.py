"""Prints tests/fixtures/text_metrics.json: metrics of sacrebleu, rouge_score, torchmetrics (SQuAD) and scikit-learn.

Needs sacrebleu, rouge_score, torchmetrics (with torch) and scikit-learn. Run from anywhere:

    python generate_text_reference.py > ../tests/fixtures/text_metrics.json
"""

import itertools
import json
import random

import rouge_score.rouge_scorer
import sacrebleu
import sklearn.metrics
from rouge_score import rouge_scorer
from torchmetrics.functional.text import squad

# Predictions and their references. They contain what tokenizers treat differently: punctuation, numbers, other alphabets,
# line breaks and articles.
ANSWERS = [
    ("the Eiffel Tower", ["Eiffel Tower", "tower"]),
    ("in 1889.", ["1889", "the year 1889"]),
    ("Gustave  Eiffel's company", ["Gustave Eiffel", "Eiffel's company"]),
    ("", ["nothing"]),
    ("an answer that is a wrong one", ["a right one"]),
    ("Ångström–Straße, the “Café”", ["ångström-straße the café", "“café”"]),
    ("U.S.A.", ["USA"]),
    ("red, red and blue", ["red and blue blue"]),
    ("theory", ["the theory of an ant"]),
    ("a_b the_c", ["ab", "thec"]),
]
SUMMARIES = [
    (
        "Police killed the gunman.\nNobody else was hurt.",
        ["The gunman was killed by police.\nNo one else was hurt.", "Police kill gunman"],
    ),
    ("The cat sat on the mat.", ["The cat sat on the mat."]),
    (
        "It costs $3.50 (or 1,000 yen), doesn't it?\nA well-known 5-year plan &amp; more.",
        ["It costs $3.50, or 1,000 yen.\nThe 5-year plan &amp; much more is well-known."],
    ),
    ("nothing in common", ["wholly other words"]),
    ("one two three four five six", ["one two three four five", "one two three four five six seven eight"]),
    ("Die Straße ist lang; der Weg auch.", ["Die Straße ist sehr lang, und der Weg auch."]),
    ("b\na\nc d e", ["a\nb\ne d c"]),
    ("the the the the", ["the cat is on the mat", "there is a cat on the mat"]),
]
WORDS = "the a cat dog sat on mat 3.5 1,000 well-known said: \"yes\" ... new\nline -- e.g. it's".split(" ")


def random_pairs(generator, rows):
    """Returns random texts from a small vocabulary, so that many n-grams are common."""
    text = lambda: " ".join(generator.choice(WORDS) for _ in range(generator.randint(1, 14)))
    return [(text(), [text() for _ in range(generator.randint(1, 3))]) for _ in range(rows)]


def corpus_bleu(pairs):
    most = max(len(references) for _, references in pairs)
    streams = [[references[at] if at < len(references) else None for _, references in pairs] for at in range(most)]
    return sacrebleu.corpus_bleu([prediction for prediction, _ in pairs], streams).score / 100


def evaluated(pairs):
    names = {"rouge_1": "rouge1", "rouge_2": "rouge2", "rouge_l": "rougeL", "rouge_lsum": "rougeLsum"}
    scorer = rouge_scorer.RougeScorer(list(names.values()), use_stemmer=False)
    rouge = [scorer.score_multi(references, prediction) for prediction, references in pairs]
    answers = squad(
        [{"prediction_text": prediction, "id": str(row)} for row, (prediction, _) in enumerate(pairs)],
        [
            {"answers": {"text": references, "answer_start": [0] * len(references)}, "id": str(row)}
            for row, (_, references) in enumerate(pairs)
        ],
    )
    values = {name: sum(row[key].fmeasure for row in rouge) / len(rouge) for name, key in names.items()}
    values["bleu"] = corpus_bleu(pairs)
    values["exact_match"] = float(answers["exact_match"]) / 100
    values["squad_f1"] = float(answers["f1"]) / 100
    return values


def case(name, pairs):
    predictions, references = zip(*pairs)
    return {"name": name, "predictions": predictions, "references": references, "values": evaluated(pairs)}


def grouped(generator, groups):
    """Returns answers in groups, as in MultiRC: F1 over all answers, and the fraction of groups without errors."""
    rows = [(group, generator.randint(0, 1)) for group in range(groups) for _ in range(generator.randint(1, 4))]
    rows = [(group, gold, gold if generator.random() < 0.8 else 1 - gold) for group, gold in rows]
    generator.shuffle(rows)
    rows.sort(key=lambda row: row[0] % 3)
    questions = itertools.groupby(sorted(rows), key=lambda row: row[0])
    exact = [sklearn.metrics.accuracy_score(*zip(*[row[1:] for row in of_one])) == 1.0 for _, of_one in questions]
    _, gold, predicted = zip(*rows)
    return {
        "rows": rows,
        "f1a": float(sklearn.metrics.f1_score(gold, predicted)),
        "group_exact_match": sum(exact) / len(exact),
    }


def main():
    generator = random.Random(11)
    cases = [case("answers", ANSWERS), case("summaries", SUMMARIES)]
    cases += [case(f"random {number}", random_pairs(generator, 12)) for number in range(3)]
    cases += [case("alone: " + pair[0], [pair]) for pair in SUMMARIES]
    result = {
        "versions": {"sacrebleu": sacrebleu.__version__, "sklearn": sklearn.__version__},
        "signature": "nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp",
        "texts": cases,
        "groups": [grouped(generator, count) for count in (1, 5, 30)],
    }
    print(json.dumps(result, ensure_ascii=False, indent=1))


main()
