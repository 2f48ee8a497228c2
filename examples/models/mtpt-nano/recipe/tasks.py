"""The text-to-text tasks of step 4: each makes an input and a target out of nothing but a random generator.

A task has an instruction in words. In training, half of the batches put the words in front of the input, the other
half a prompt of the task's own instead (see `pretrain.py`): so the model gets used to being steered by either.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from prepare import gather
from questions import make_questions
from safetensors.torch import load_file
from sources import Meaning, read_glue, read_webster, read_wordnet

Example = tuple[str, str]
STOPS = set(
    "the a an of and or to in for on by with as at is are was were be been that which who it its this from not but "
    "have has had he she his her they their them you your i my we our one used being into than some any such no".split()
)
AUXILIARIES = set("said like make will does can may must having made being could would should other another".split())


@dataclass
class Task:
    name: str
    family: str  # tasks of one family share one weight, and one line of the log
    instruction: str
    make: Callable[[random.Random], Example]


# How often each family is drawn.
WEIGHTS = {
    "sentiment": 10, "acceptable": 3, "paraphrase": 3, "entailment": 3, "similarity": 3,
    "category": 10, "word": 10, "fits": 4, "choice": 8, "question": 4, "origin": 4, "disorder": 2,
    "fill": 10, "continue": 8, "topic": 6, "sort": 20,
}  # fmt: skip


class Catalogue:
    """All texts, once, and the tasks made from them."""

    def __init__(self, arguments, sentences: list[dict], words: list[str], similar: "Similarity", seed: int):
        wordnet: dict[str, Meaning] = read_wordnet(Path(arguments.wordnet))
        glue = read_glue(Path(arguments.glue))
        self.wordnet, self.words, self.similar = wordnet, set(words), similar
        self.texts = [row["text"] for row in sentences]
        allowed = set(self.texts)  # what is left after the held-out texts were taken away
        questions = make_questions(wordnet, arguments.questions, arguments.seed)
        self.questions = [pair for pair in questions if pair[0] in allowed]
        sources = gather(wordnet, read_webster(Path(arguments.webster)), glue, [])
        self.sources = {name: [text for text in texts if text in allowed] for name, texts in sources.items()}
        self.sources["questions"] = [question for question, _ in self.questions]
        self.glue = {task: [row for row in rows if all(text in allowed for text in row[:-1])]
                     for task, rows in glue.items()}  # fmt: skip
        self.long_texts = [text for text in self.texts if len(text.split()) >= 7]
        self.meanings = [meaning for meaning in wordnet.values() if len(meaning.definition) > 8]
        self.sorted_meanings = [meaning for meaning in self.meanings if meaning.category]
        self.named = [meaning for meaning in self.meanings if any(word in self.words for word in meaning.words)]
        self.tasks = [*self.supervised(), *self.dictionary(), *self.plain_text(), *self.from_teacher(seed)]

    # -- GLUE's training files -------------------------------------------------------------------------------------

    def labelled(self, name: str, family: str, task: str, instruction: str, labels: dict[str, str]) -> Task:
        rows = self.glue[task]

        def make(generator: random.Random) -> Example:
            *texts, label = generator.choice(rows)
            return " | ".join(texts), labels[label]

        return Task(name, family, instruction, make)

    def supervised(self) -> list[Task]:
        def similarity(generator: random.Random) -> Example:
            first, second, score = generator.choice(self.glue["STS-B"])
            return f"{first} | {second}", str(round(float(score)))

        def similar(generator: random.Random) -> Example:
            while True:
                first, second, score = generator.choice(self.glue["STS-B"])
                if not 2.0 <= float(score) <= 3.5:
                    return f"{first} | {second}", "similar" if float(score) > 3 else "different"

        yes = {"1": "yes", "0": "no", "entailment": "yes", "not_entailment": "no"}
        make = self.labelled
        return [
            make("sentiment", "sentiment", "SST-2", "sentiment", {"1": "positive", "0": "negative"}),
            make("good", "sentiment", "SST-2", "is it good or bad", {"1": "good", "0": "bad"}),
            make("great", "sentiment", "SST-2", "the film was", {"1": "great", "0": "terrible"}),
            make("like", "sentiment", "SST-2", "did they like it", yes),
            make("acceptable", "acceptable", "CoLA", "acceptable", {"1": "acceptable", "0": "unacceptable"}),
            make("grammar", "acceptable", "CoLA", "is the grammar right", yes),
            make("paraphrase", "paraphrase", "MRPC", "do they mean the same", yes),
            make("equivalent", "paraphrase", "MRPC", "equivalent", {"1": "equivalent", "0": "different"}),
            make("follows", "entailment", "RTE", "does it follow", yes),
            make("true", "entailment", "RTE", "true or false", {"entailment": "true", "not_entailment": "false"}),
            Task("similarity", "similarity", "how similar from 0 to 5", similarity),
            Task("similar", "similarity", "similar or different", similar),
        ]

    # -- WordNet and the questions made from it --------------------------------------------------------------------

    def single(self, meaning: Meaning, generator: random.Random) -> str | None:
        """One of the meaning's words that is a single piece of the vocabulary."""
        words = [word for word in meaning.words if word.lower() in self.words]
        return generator.choice(words).lower() if words else None

    def dictionary(self) -> list[Task]:
        words, wordnet = self.words, self.wordnet
        kinds = [m for m in self.meanings for key in m.hypernyms + m.classes if words & set(wordnet[key].words)]
        examples = [m for m in self.meanings if m.examples]
        pairs = [m for m in self.meanings if len({word for word in m.words if word in words}) > 1]
        opposites = []
        for meaning in self.meanings:
            for word, target in meaning.antonyms:
                key, number = target.split("/")
                if (opposite := wordnet[key].words[int(number)]) in words:
                    opposites.append((word, opposite))
        categories = sorted({m.category for m in self.sorted_meanings})

        def shown(meaning: Meaning, generator: random.Random) -> str:
            return meaning.definition if generator.random() < 0.6 else f"{meaning.words[0]} : {meaning.definition}"

        def category(generator: random.Random) -> Example:
            meaning = generator.choice(self.sorted_meanings)
            return shown(meaning, generator), meaning.category

        def category_of_word(generator: random.Random) -> Example:
            meaning = generator.choice(self.sorted_meanings)
            return generator.choice(meaning.words), meaning.category

        def kind(generator: random.Random) -> Example:
            meaning = generator.choice(kinds)
            broader = [self.single(wordnet[key], generator) for key in meaning.hypernyms + meaning.classes]
            return shown(meaning, generator), next((word for word in broader if word), "thing")

        def part_of_speech(generator: random.Random) -> Example:
            meaning = generator.choice(examples)
            return f"{meaning.words[0]} : {generator.choice(meaning.examples)}", meaning.part_of_speech

        def word_class(generator: random.Random) -> Example:
            meaning = generator.choice(self.meanings)
            return meaning.definition, meaning.part_of_speech

        def word(generator: random.Random) -> Example:
            meaning = generator.choice(self.named)
            return meaning.definition, self.single(meaning, generator)

        def synonym(generator: random.Random) -> Example:
            meaning = generator.choice(pairs)
            first, second = generator.sample(sorted({w for w in meaning.words if w in words}), 2)
            return first, second

        def opposite(generator: random.Random) -> Example:
            return generator.choice(opposites)

        def fits(generator: random.Random) -> Example:
            meaning = generator.choice(self.meanings)
            if generator.random() < 0.5:
                return f"{generator.choice(meaning.words)} | {meaning.definition}", "yes"
            return f"{generator.choice(meaning.words)} | {generator.choice(self.meanings).definition}", "no"

        def used(generator: random.Random) -> Example:
            meaning = generator.choice(examples)
            other = meaning if generator.random() < 0.5 else generator.choice(self.meanings)
            return f"{generator.choice(meaning.examples)} | {other.definition}", "true" if other is meaning else "false"

        def choice(generator: random.Random) -> Example:
            meaning = generator.choice(self.sorted_meanings)
            others = [name for name in categories if name != meaning.category]
            options = [meaning.category, *generator.sample(others, generator.randint(1, 4))]
            generator.shuffle(options)
            return f"{' , '.join(options)} | {shown(meaning, generator)}", meaning.category

        def choose_word(generator: random.Random) -> Example:
            meaning = generator.choice(self.named)
            right = self.single(meaning, generator)
            options = [right, *(self.single(generator.choice(self.named), generator) for _ in range(2))]
            generator.shuffle(options)
            return f"{' , '.join(options)} | {meaning.definition}", right

        def question(generator: random.Random) -> Example:
            return generator.choice(self.questions)

        return [
            Task("category", "category", "category", category),
            Task("category of word", "category", "what is it", category_of_word),
            Task("kind", "category", "is a kind of", kind),
            Task("part of speech", "category", "part of speech", part_of_speech),
            Task("word class", "category", "noun , verb , adjective or adverb", word_class),
            Task("word", "word", "which word", word),
            Task("synonym", "word", "synonym", synonym),
            Task("opposite", "word", "opposite", opposite),
            Task("fits", "fits", "does it mean that", fits),
            Task("used", "fits", "is this meant", used),
            Task("choice", "choice", "choose", choice),
            Task("choose word", "choice", "choose the word", choose_word),
            Task("question", "question", "what is asked for", question),
        ]

    # -- any text --------------------------------------------------------------------------------------------------

    def plain_text(self) -> list[Task]:
        names = {"definitions": "dictionary", "examples": "example", "webster": "old", "reviews": "review",
                 "linguists": "language", "pairs": "news", "questions": "question"}  # fmt: skip
        origins = sorted(name for name in names if self.sources[name])
        orders = self.sources["reviews"] + self.sources["examples"] + self.sources["pairs"]
        orders = [text for text in orders if len(text.split()) >= 5]

        def origin(generator: random.Random) -> Example:
            name = generator.choice(origins)
            return generator.choice(self.sources[name]), names[name]

        def disorder(generator: random.Random) -> Example:
            pieces = generator.choice(orders).split()
            if generator.random() < 0.5:
                return " ".join(pieces), "right"
            for _ in range(max(1, len(pieces) // 6)):
                first, second = generator.sample(range(len(pieces)), 2)
                pieces[first], pieces[second] = pieces[second], pieces[first]
            return " ".join(pieces), "wrong"

        def fill(generator: random.Random) -> Example:
            pieces = generator.choice(self.long_texts).split()[:40]
            spans = 1 if len(pieces) < 10 else generator.randint(1, 3)
            starts = sorted(generator.sample(range(len(pieces)), spans))
            source: list[str] = []
            target: list[str] = []
            at = 0
            for number, start in enumerate(starts):
                if start < at:
                    continue
                source += [*pieces[at:start], f"<extra_id_{number}>"]
                at = start + generator.randint(1, 3)
                target += [f"<extra_id_{number}>", *pieces[start:at]]
            return " ".join(source + pieces[at:]), " ".join(target)

        def missing(generator: random.Random) -> Example:
            while True:
                pieces = generator.choice(self.long_texts).split()[:40]
                places = [i for i, piece in enumerate(pieces) if piece.lower() in self.words and piece not in STOPS]
                if places:
                    place = generator.choice(places)
                    target, pieces[place] = pieces[place], "<extra_id_0>"
                    return " ".join(pieces), target

        def continuation(generator: random.Random) -> Example:
            pieces = generator.choice(self.long_texts).split()[:40]
            at = generator.randint(3, len(pieces) - 2)
            return " ".join(pieces[:at]), " ".join(pieces[at : at + 6])

        def belongs(generator: random.Random) -> Example:
            first = generator.choice(self.long_texts).split()[:30]
            at = len(first) // 2
            second = first if (true := generator.random() < 0.5) else generator.choice(self.long_texts).split()[:30]
            rest = second[at:] if true else second[len(second) // 2 :]
            return f"{' '.join(first[:at])} | {' '.join(rest)}", "yes" if true else "no"

        return [
            Task("origin", "origin", "where is it from", origin),
            Task("disorder", "disorder", "is the order of the words right or wrong", disorder),
            Task("fill", "fill", "fill in", fill),
            Task("missing", "fill", "the missing word", missing),
            Task("continue", "continue", "continue", continuation),
            Task("belongs", "continue", "does it go on like that", belongs),
        ]

    # -- what the teacher finds alike ------------------------------------------------------------------------------

    def from_teacher(self, seed: int) -> list[Task]:
        similar = self.similar

        def topic(generator: random.Random) -> Example:
            row = generator.randrange(len(similar))
            return self.texts[row], similar.nearest(row)

        def choose(generator: random.Random) -> Example:
            options = generator.sample(range(len(similar.words)), generator.randint(2, 5))
            row, label = similar.draw(options, generator)
            return f"{' , '.join(similar.words[option] for option in options)} | {self.texts[row]}", label

        def sort(options: list[int]) -> Callable[[random.Random], Example]:
            def make(generator: random.Random) -> Example:
                row, label = similar.draw(options, generator)
                return self.texts[row], label

            return make

        # Some ways to sort texts, each by a few words of its own: what a soft prompt will be asked to do later.
        generator = random.Random(seed)
        sorts = []
        for number in range(32):
            options = generator.sample(range(len(similar.words)), generator.choice([2, 2, 2, 3, 4, 6]))
            names = " , ".join(similar.words[option] for option in options)
            sorts.append(Task(f"sort {number}", "sort", f"sort by {names}", sort(options)))
        return [Task("topic", "topic", "topic", topic), Task("choose", "choice", "choose", choose), *sorts]

    def draw(self, generator: random.Random) -> int:
        """The number of a task: a family by its weight, then any of its tasks."""
        family = generator.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]
        return generator.choice([number for number, task in enumerate(self.tasks) if task.family == family])


class Similarity:
    """How near each text is to each of many words, by the teacher's sentence embeddings."""

    def __init__(self, work: Path, words: list[str], embeddings: torch.Tensor):
        files = sorted((work / "teacher").glob("*.safetensors"))
        texts = torch.cat([load_file(file)["means"] for file in files])
        self.words = words
        self.near = torch.nn.functional.normalize(texts, dim=-1) @ torch.nn.functional.normalize(embeddings, dim=-1).T
        # Some words are close to everything: similarities are relative to the word's mean.
        self.near = ((self.near - self.near.mean(0)) / self.near.std(0)).half().numpy()

    def __len__(self) -> int:
        return len(self.near)

    def nearest(self, row: int) -> str:
        return self.words[int(self.near[row].argmax())]

    def draw(self, options: list[int], generator: random.Random) -> tuple[int, str]:
        """A text, and which of the words it is nearest to; texts between two words are passed over.

        Which word comes out is drawn first, so that all come equally often.
        """
        rows = np.array([generator.randrange(len(self)) for _ in range(48)])
        near = self.near[np.ix_(rows, options)].astype(np.float32)
        best = near.argmax(1)
        margins = near.max(1) - np.partition(near, -2, axis=1)[:, -2]
        fitting = (best == generator.randrange(len(options))) & (margins > 0.7)
        found = int(fitting.argmax()) if fitting.any() else int(margins.argmax())
        return int(rows[found]), self.words[options[int(best[found])]]


def candidate_words(tokenizer: dict, wordnet: dict[str, Meaning], count: int) -> list[str]:
    """The commonest `count` whole words of the vocabulary that WordNet knows as nouns or adjectives.

    Words that can be adverbs as well ("over", "all", "there") say too little about a text to sort it by.
    """
    by_part: dict[str, set[str]] = {}
    for meaning in wordnet.values():
        by_part.setdefault(meaning.part_of_speech, set()).update(meaning.words)
    known = (by_part["noun"] | by_part["adjective"]) - by_part["adverb"] - STOPS - AUXILIARIES
    pieces = sorted(tokenizer["model"]["vocab"].items(), key=lambda item: item[1])
    words = [piece for piece, _ in pieces if re.fullmatch(r"[a-z]{4,}", piece) and piece in known]
    return words[:count]
