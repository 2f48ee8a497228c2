"""PEFT's multitask prompt tuning of a T5, on tokens that the example `results` hands over.

    python peft_mpt.py --model FOLDER --job job.json --output FOLDER

The prompts, what makes them of the tasks' numbers, their start, their gradients and their files are PEFT's; the optimizer is PyTorch's AdamW.
With one submodule, PEFT's own `forward` with labels is the way that its defects leave open for T5; candidates are ranked by its base model
behind PEFT's prompts, since PEFT hands no decoder inputs on.
"""

import argparse
import json
import pathlib

import peft
import torch
import transformers
from peft import MultitaskPromptTuningConfig, PeftModel, TaskType, get_peft_model
from transformers import T5ForConditionalGeneration

ROWS_AT_A_TIME = 64


def padded(rows, pad):
    length = max(map(len, rows))
    return torch.tensor([row + [pad] * (length - len(row)) for row in rows])


def by_length(rows, size, length):
    """Places of rows in groups of similar length, the longest first."""
    order = sorted(range(len(rows)), key=lambda place: -length(rows[place]))
    return [order[start : start + size] for start in range(0, len(order), size)]


def load(folder):
    return T5ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, dropout_rate=0.0)


def inputs_of(rows):
    return dict(
        input_ids=padded(rows, 0),
        attention_mask=padded([[1] * len(row) for row in rows], 0),
    )


def step(model, rows, micro_batch, trained, optimizer, clip_norm):
    """One step on the mean loss of all target tokens, part by part."""
    tokens = sum(len(target) for _, _, target in rows)
    optimizer.zero_grad()
    for group in by_length(rows, micro_batch, lambda row: len(row[1])):
        part = [rows[place] for place in group]
        loss = model(
            **inputs_of([row for _, row, _ in part]),
            labels=padded([target for _, _, target in part], -100),
            task_ids=torch.tensor([task for task, _, _ in part]),
        ).loss
        (loss * sum(len(target) for _, _, target in part) / tokens).backward()
    if clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(trained, clip_norm)
    optimizer.step()


@torch.no_grad()
def scores_of(model, tasks):
    """Log-probability of every candidate of every row, in nats."""
    return [rank(model, number, **task) for number, task in enumerate(tasks)]


def rank(model, task, candidates, rows):
    base = model.get_base_model()
    start = base.config.decoder_start_token_id
    targets = padded(candidates, -100)
    decoder_inputs = padded([[start] + ids[:-1] for ids in candidates], 0)
    scores = [None] * len(rows)
    for group in by_length(rows, ROWS_AT_A_TIME, len):
        part = inputs_of([rows[place] for place in group])
        count = len(group)
        prompts = model.get_prompt(batch_size=count, task_ids=torch.full([count], task))
        embeddings = torch.cat([prompts, base.get_input_embeddings()(part["input_ids"])], 1)
        ones = torch.ones(prompts.shape[:2], dtype=torch.long)
        mask = torch.cat([ones, part["attention_mask"]], 1)
        encoded = base.encoder(inputs_embeds=embeddings, attention_mask=mask)[0]
        logits = base(
            encoder_outputs=(encoded.repeat_interleave(len(candidates), 0),),
            attention_mask=mask.repeat_interleave(len(candidates), 0),
            decoder_input_ids=decoder_inputs.repeat(count, 1),
        ).logits
        wanted = targets.repeat(count, 1)
        found = logits.log_softmax(-1).gather(2, wanted.clamp(min=0).unsqueeze(2)).squeeze(2)
        sums = (found * (wanted >= 0)).sum(1).reshape(count, len(candidates))
        for place, row in zip(group, sums.tolist()):
            scores[place] = row
    return scores


def learn(folder, job, output):
    torch.manual_seed(job["seed"])
    config = MultitaskPromptTuningConfig(
        task_type=TaskType.SEQ_2_SEQ_LM,
        num_virtual_tokens=job["length"],
        num_transformer_submodules=1,
        num_tasks=len(job["tasks"]),
        num_ranks=1,
        prompt_tuning_init=job["start"],
        prompt_tuning_init_text=job["text"],
        tokenizer_name_or_path=str(folder) if job["text"] else None,
    )
    model = get_peft_model(load(folder), config).train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    settings = job["optimizer"]
    optimizer = torch.optim.AdamW(
        trained,
        betas=(settings["beta_1"], settings["beta_2"]),
        eps=settings["epsilon"],
        weight_decay=settings["weight_decay"],
    )
    evaluations = []
    for number, (rows, rate) in enumerate(zip(job["steps"], job["rates"]), 1):
        for group in optimizer.param_groups:
            group["lr"] = rate
        step(model, rows, job["micro_batch"], trained, optimizer, settings.get("clip_norm"))
        if number in job["evaluations"]:
            model.save_pretrained(output / f"step-{number}")
            evaluations.append({"step": number, "scores": scores_of(model, job["tasks"])})
    return {
        "evaluations": evaluations,
        "trained": sum(parameter.numel() for parameter in trained),
        "versions": {
            "peft": peft.__version__,
            "transformers": transformers.__version__,
            "torch": torch.__version__,
        },
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--job", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    job = json.loads(arguments.job.read_text())
    if job["mode"] == "learn":
        answer = learn(arguments.model, job, arguments.output)
    else:
        model = PeftModel.from_pretrained(load(arguments.model), job["adapter"]).eval()
        answer = scores_of(model, job["tasks"])
    (arguments.output / "answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
