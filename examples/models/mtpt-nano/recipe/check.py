"""Checks the written folder against the last checkpoint, and shows what the model says.

The folder's model and the checkpoint's, cast to bf16, must give the same logits to the last bit.
"""

import argparse
from pathlib import Path

import torch
from student import new_student
from transformers import PreTrainedTokenizerFast, T5ForConditionalGeneration

SAMPLES = [
    ("sentiment : a warm , funny and moving film", "positive"),
    ("sentiment : dull , slow and far too long", "negative"),
    ("what is asked for : who painted the ceiling of the chapel ?", "person"),
    ("category : a small rodent with a long tail", "animal"),
    ("choose : food , animal , location | a cake with cream and strawberries", "food"),
    ("opposite : cold", "hot"),
    ("the missing word : the ship sailed across the <extra_id_0>", "sea"),
]


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    arguments = parser.parse_args()

    tokenizer = PreTrainedTokenizerFast.from_pretrained(arguments.model)
    model, report = T5ForConditionalGeneration.from_pretrained(
        arguments.model, dtype=torch.bfloat16, output_loading_info=True
    )
    trained = new_student(arguments.work, 1)
    state = torch.load(arguments.work / "pretrain.pt", weights_only=True, map_location="cpu")
    trained.load_state_dict(state["student"])
    trained = trained.to(torch.bfloat16).eval()
    model.eval()

    batch = tokenizer([text for text, _ in SAMPLES], padding=True, return_tensors="pt")
    labels = tokenizer([target for _, target in SAMPLES], padding=True, return_tensors="pt").input_ids
    loaded = model(**batch, labels=labels).logits
    expected = trained(**batch, labels=labels).logits
    missing = {name: keys for name, keys in report.items() if keys}
    print(f"largest difference of logits: {float((loaded - expected).abs().max())}; loading: {missing or 'clean'}")
    assert torch.equal(loaded, expected)

    answers = model.float().generate(**batch, max_new_tokens=8)
    for (text, target), answer in zip(SAMPLES, tokenizer.batch_decode(answers, skip_special_tokens=False), strict=True):
        print(f"{text!r} -> {answer.replace('[PAD]', '').replace('[SEP]', '').strip()!r} (hoped for: {target})")
    size = sum(file.stat().st_size for file in arguments.model.rglob("*") if file.is_file())
    print(f"folder: {size / 1e6:.2f} MB, {sum(parameter.numel() for parameter in model.parameters())} parameters")


if __name__ == "__main__":
    main()
