"""Writes tests/fixtures/baselines.json: linear models of scikit-learn on TF-IDF features, values per
class, and errors of scores.

Needs the packages of requirements.txt. Run from anywhere:

    python generate_baseline_reference.py
"""

import json
import pathlib

import numpy
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import confusion_matrix, mean_absolute_error, precision_recall_fscore_support, root_mean_squared_error

TRAIN = [
    "Where is my parcel? It has not arrived.",
    "The parcel arrived, but the box was crushed",
    "My order hasn't shipped after two weeks",
    "Tracking says delivered; no parcel at my door!",
    "I was charged twice for one order",
    "Please refund the second charge on my card",
    "The invoice shows the wrong amount",
    "Why was my card charged before shipping?",
    "I can't log in to my account",
    "The password reset e-mail never arrived",
    "My account is locked after too many attempts",
    "Please change the e-mail of my account",
    "The app crashes when I open the camera",
    "The app freezes on the log in page",
    "After the update, nothing loads any more",
    "Crash on start-up since version 2.1",
    "ÜBERWEISUNG: the refund of 20 € is missing",
    "Camera_2 crashes the app again and again and again",
]
CLASSES = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 1, 3]
DEV = [
    "my parcel has not arrived",
    "charged twice on my card, please refund",
    "locked out of my account",
    "the app crashes again",
    "Is the invoice in my account?",
    "überweisung",
    "?!",
    "words that no training text has, nor pairs of them",
]
DEV_CLASSES = [0, 1, 2, 3, 1, 1, 0, 2]
NAMES = ["shipping", "billing", "account", "bug"]
# A text has a label if it contains the word.
WORDS = ["my", "the", "app", "card"]


def has(text, word):
    return word in text.lower().split()


def floats(values):
    return [float(value) for value in numpy.asarray(values).ravel()]


def main():
    vectorizer = TfidfVectorizer(ngram_range=(1, 2))
    train = vectorizer.fit_transform(TRAIN)
    dev = vectorizer.transform(DEV)

    def logistic(targets):
        # The default tolerance would leave differences in the third digit.
        model = LogisticRegression(C=10, tol=1e-10, max_iter=10_000).fit(train, targets)
        return model.predict_proba(dev)

    classes = logistic(CLASSES)
    predicted = classes.argmax(axis=1)
    precision, recall, f1, support = precision_recall_fscore_support(
        DEV_CLASSES, predicted, labels=range(4), zero_division=0
    )
    scores = [len(text.split()) / 2 for text in TRAIN]
    dev_scores = [len(text.split()) / 2 for text in DEV]
    ridge = Ridge(alpha=1.0, solver="cholesky").fit(train.toarray(), scores).predict(dev.toarray())
    reference = {
        "generated_by": f"generate_baseline_reference.py with scikit-learn {sklearn.__version__}",
        "names": NAMES,
        "words": WORDS,
        "train": [
            {"text": text, "class": NAMES[label], "score": score, "labels": [word for word in WORDS if has(text, word)]}
            for text, label, score in zip(TRAIN, CLASSES, scores)
        ],
        "dev": [
            {"text": text, "class": NAMES[label], "score": score, "labels": [word for word in WORDS if has(text, word)]}
            for text, label, score in zip(DEV, DEV_CLASSES, dev_scores)
        ],
        "classes": [floats(row) for row in classes],
        "two_classes": floats(logistic([int(label > 1) for label in CLASSES])[:, 1]),
        "labels": [
            floats(row)
            for row in numpy.stack([logistic([int(has(text, word)) for text in TRAIN])[:, 1] for word in WORDS], axis=1)
        ],
        "scores": floats(ridge),
        "per_class": {
            "predicted": [int(label) for label in predicted],
            "precision": floats(precision),
            "recall": floats(recall),
            "f1": floats(f1),
            "gold": [int(count) for count in support],
            "confusion": confusion_matrix(DEV_CLASSES, predicted, labels=range(4)).tolist(),
        },
        "errors": {
            "rmse": float(root_mean_squared_error(dev_scores, ridge)),
            "mae": float(mean_absolute_error(dev_scores, ridge)),
        },
    }
    path = pathlib.Path(__file__).parent.parent / "tests" / "fixtures" / "baselines.json"
    path.write_text(json.dumps(reference, indent=1, ensure_ascii=False) + "\n")


main()
