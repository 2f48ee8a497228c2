"""Makes questions from WordNet by templates, each with the kind of thing that answers it.

The other sources hold next to no questions, and a model that never saw one cannot be prompted to sort them.
"""

import random
import re

from sources import Meaning


def plain(meaning: Meaning) -> str:
    """The definition without its brackets and its leading article."""
    text = re.sub(r"\([^)]*\)", "", meaning.definition).split(";")[0]
    text = re.sub(r"^(a|an|the|any|one)\s+", "", text.strip())
    return re.sub(r"\s+", " ", text).strip(" ,:")


def article(word: str) -> str:
    return ("an " if word[:1].lower() in "aeiou" else "a ") + word


def make_questions(meanings: dict[str, Meaning], count: int, seed: int) -> list[tuple[str, str]]:
    """`count` pairs of a question and the kind of its answer."""
    generator = random.Random(seed)
    nouns = [meaning for meaning in meanings.values() if meaning.part_of_speech == "noun"]
    verbs = [meaning.words[0] for meaning in meanings.values() if meaning.part_of_speech == "verb"]
    of_category: dict[str | None, list[Meaning]] = {}
    instances: dict[str | None, list[Meaning]] = {}
    for meaning in nouns:
        (instances if meaning.classes else of_category).setdefault(meaning.category, []).append(meaning)
    things = [meaning for name in ("artifact", "animal", "plant", "food", "object", "substance", "body")
              for meaning in of_category[name]]  # fmt: skip
    kinds = [meaning for name in ("animal", "plant", "food", "artifact", "substance", "communication", "event")
             for meaning in of_category[name]]  # fmt: skip
    abbreviations = [meaning for meaning in nouns for word in meaning.words if re.fullmatch(r"[A-Z]{2,5}", word)]

    deeds = ["invented", "discovered", "wrote", "made", "first used", "owns"]
    ties = ["won", "was known for", "lived in"]
    extents = ["long", "far", "tall", "old", "big", "heavy", "fast", "hot", "deep"]
    measures = ["population", "size", "speed", "length", "weight", "price", "temperature"]

    def pick(pool: list[Meaning]) -> Meaning:
        return generator.choice(pool)

    def word(pool: list[Meaning]) -> str:
        return generator.choice(pick(pool).words)

    def person() -> tuple[str, str]:
        someone = pick(instances["person"])
        return generator.choice([
            f"who was the {plain(someone)} ?",
            f"who is the {plain(pick(of_category['person']))} ?",
            f"what {plain(someone)} ?",
            f"what is the name of the {plain(someone)} ?",
            f"who {generator.choice(deeds)} the {word(things)} ?",
            f"which {word(of_category['person'])} {generator.choice(ties)} {word(instances['location'])} ?",
        ]), "person"  # fmt: skip

    def place() -> tuple[str, str]:
        somewhere = pick(instances["location"])
        kind = meanings[somewhere.classes[0]].words[0]
        return generator.choice([
            f"where is {somewhere.words[0]} ?",
            f"what {kind} is {plain(somewhere)} ?",
            f"what {plain(somewhere)} ?",
            f"which {kind} is the {plain(somewhere)} ?",
            f"where can you find {article(word(things))} ?",
            f"where did the {word(of_category['event'])} take place ?",
            f"in what {kind} was {pick(instances['person']).words[0]} born ?",
        ]), "location"  # fmt: skip

    def number() -> tuple[str, str]:
        return generator.choice([
            f"how many {word(things)}s are there in {article(word(things))} ?",
            f"how many {word(of_category['person'])}s live in {word(instances['location'])} ?",
            f"how {generator.choice(extents)} is {article(word(things))} ?",
            f"how much does {article(word(things))} cost ?",
            f"what is the {generator.choice(measures)} of {word(instances['location'])} ?",
            f"how {generator.choice(['long', 'often'])} does {article(word(kinds))} {generator.choice(verbs)} ?",
        ]), "quantity"  # fmt: skip

    def time() -> tuple[str, str]:
        return generator.choice([
            f"when was {pick(instances['person']).words[0]} born ?",
            f"when did the {word(of_category['event'])} begin ?",
            f"what year did {pick(instances['person']).words[0]} die ?",
            f"in what year was the {word(things)} invented ?",
            f"when is the {plain(pick(of_category['time']))} ?",
            f"what day is {word(of_category['time'])} ?",
        ]), "time"  # fmt: skip

    def description() -> tuple[str, str]:
        return generator.choice([
            f"what is {article(word(nouns_pool))} ?",
            f"what is {word(nouns_pool)} ?",
            f"what does {word(nouns_pool)} mean ?",
            f"what is the meaning of {word(nouns_pool)} ?",
            f"how do you {generator.choice(verbs)} {article(word(things))} ?",
            f"why do {word(of_category['person'])}s {generator.choice(verbs)} ?",
            f"why is {article(word(things))} {word(adjectives)} ?",
            f"what causes {word(of_category['state'])} ?",
            f"who was {pick(instances['person']).words[0]} ?",
            f"what is the difference between {article(word(things))} and {article(word(things))} ?",
        ]), "description"  # fmt: skip

    def thing() -> tuple[str, str]:
        something = pick(kinds)
        kind = meanings[something.hypernyms[0]].words[0] if something.hypernyms else "thing"
        return generator.choice([
            f"what {kind} is {plain(something)} ?",
            f"what {plain(something)} ?",
            f"what do you call the {plain(something)} ?",
            f"what is the name of the {plain(something)} ?",
            f"which {kind} is used to {generator.choice(verbs)} {article(word(things))} ?",
            f"what {kind} has {article(word(of_category['body']))} ?",
        ]), something.category or "thing"  # fmt: skip

    def abbreviation() -> tuple[str, str]:
        meaning = pick(abbreviations)
        short = next(word for word in meaning.words if re.fullmatch(r"[A-Z]{2,5}", word))
        return generator.choice([
            f"what does {short} stand for ?",
            f"what is {short} short for ?",
            f"what is the abbreviation of {meaning.words[0]} ?",
            f"what does the abbreviation {short} mean ?",
        ]), "abbreviation"  # fmt: skip

    nouns_pool = [meaning for meaning in nouns if not meaning.classes]
    adjectives = [meaning for meaning in meanings.values() if meaning.part_of_speech == "adjective"]
    makers = [person, place, number, time, description, description, thing, thing, abbreviation]
    return [generator.choice(makers)() for _ in range(count)]
