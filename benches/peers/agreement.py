"""Checks that the programs compute the same. Each returns whether they do, and a sentence."""

# Relative tolerance between both sides.
BOUND = 1e-3


def apart(ours, theirs):
    """Returns the largest relative difference of values in nested lists."""
    if isinstance(ours, list):
        assert len(ours) == len(theirs), "as many numbers on both sides"
        return max((apart(a, b) for a, b in zip(ours, theirs)), default=0.0)
    return abs(ours - theirs) / abs(theirs)


def check_losses(answers):
    """Compares both sides' losses, round by round."""
    losses = {
        side: [value["losses"] for value in [answer["warm"], *answer["rounds"]]]
        for side, answer in answers.items()
    }
    found = apart(losses["mtpt"], losses["peft"])
    count = sum(map(len, losses["mtpt"]))
    first, last = losses["mtpt"][0][0], losses["mtpt"][-1][-1]
    said = f"{count} losses ({first:.3f} to {last:.3f}) within {found:.1e}"
    if int8 := losses.get("mtpt int8"):
        said += f", with int8 weights within {apart(int8, losses['peft']):.1e}"
    return found < BOUND, said


def check_evaluation(answers, tasks):
    """Compares log-probabilities of some rows, and counts predictions with the same first token."""
    scores = {side: answers[side]["check"]["scores"] for side in ["mtpt", "peft"]}
    found = apart(scores["mtpt"], scores["peft"])
    ours, theirs = (answers[side]["rounds"][0]["predictions"] for side in ["mtpt", "peft"])
    same = rows = 0
    alike = []
    for task, of_ours, of_theirs in zip(tasks, ours, theirs):
        first = [ids[0] for ids in task["candidates"]]
        same += sum(first[a] == first[b] for a, b in zip(of_ours, of_theirs))
        rows += len(of_ours)
        if len(set(first)) < len(first):
            alike.append(task["name"])
    rows_checked = sum(map(len, scores["mtpt"]))
    said = (
        f"log-probabilities of all labels of {rows_checked} rows within {found:.1e}; "
        f"the first label token is that of the most probable label in {same:,} of {rows:,} rows"
    )
    if alike:
        said += f" (labels that begin alike: {', '.join(alike)})"
    if "mtpt int8" in answers:
        int8 = answers["mtpt int8"]["rounds"][0]["predictions"]
        pairs = [pair for task in zip(ours, int8) for pair in zip(*task)]
        said += f"; int8 weights predict the same label in {sum(a == b for a, b in pairs):,}"
    return found < BOUND, said


def same_texts(ours, theirs):
    """Returns the number of equal texts."""
    return sum(a == b for a, b in zip(ours, theirs, strict=True))


def likeness(ours, theirs):
    """Counts equal texts, and tokens before the first difference of each text."""
    tokens = 0
    for of_ours, of_theirs in zip(ours, theirs, strict=True):
        pairs = enumerate(zip(of_ours, of_theirs))
        shorter = min(len(of_ours), len(of_theirs))
        tokens += next((place for place, (a, b) in pairs if a != b), shorter)
    total = sum(map(len, ours))
    same = same_texts(ours, theirs)
    return f"{same} the same ({tokens} of {total} tokens precede a difference)"


def check_texts(answers):
    """Compares generated texts: with prompts, and without them if a program has none."""
    texts = {side: answers[side]["rounds"][0]["ids"] for side in ["mtpt", "peft"]}
    same = same_texts(texts["mtpt"], texts["peft"])
    good = same == len(texts["mtpt"])
    tokens = {len(text) for text in texts["mtpt"] + texts["peft"]}
    distinct = len({token for text in texts["mtpt"] for token in text})
    said = (
        f"{same} of {len(texts['mtpt'])} texts the same, each of {', '.join(map(str, tokens))} "
        f"tokens, {distinct} different ones in all"
    )
    # Programs without prompts take the same inputs as `check`.
    ours = answers["mtpt"]["check"]["ids"]
    others = {"PEFT": answers["peft"]["check"]["ids"]}
    if "ctranslate2" in answers:
        others["CTranslate2"] = answers["ctranslate2"]["rounds"][0]["ids"]
    counts = {name: same_texts(ours, ids) for name, ids in others.items()}
    good &= all(same == len(ours) for same in counts.values())
    told = [f"{same} the same as {name}'s" for name, same in counts.items()]
    if "ctranslate2 int8" in answers:
        ids = answers["ctranslate2 int8"]["rounds"][0]["ids"]
        told.append(f"in CTranslate2's int8 {likeness(ours, ids)}")
    if "mtpt int8" in answers:
        ids = answers["mtpt int8"]["rounds"][0]["ids"]
        said += f"; with int8 weights {likeness(texts['mtpt'], ids)}"
    said += "; without prompts, " + ", ".join(told)
    return good, said


def check_cold(answers):
    ids = {side: answer["rounds"][0]["ids"] for side, answer in answers.items()}
    labels = [answers[side]["rounds"][0]["label"] for side in ["mtpt", "peft"]]
    good = all(other == ids["mtpt"] for other in ids.values())
    return good, f"the same {len(ids['mtpt'])} tokens, labels `{'`, `'.join(labels)}`"
