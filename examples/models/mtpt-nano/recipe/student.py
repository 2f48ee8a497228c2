"""The student: a small T5 1.1, its optimizer, its checkpoints and its folder in Hugging Face form."""

import math
import os
from pathlib import Path

import torch
from prepare import END, PAD, UNKNOWN
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration


def configuration(vocabulary: int) -> T5Config:
    """T5 1.1's architecture, except that the head is the embedding table: a quarter of the file would go to it."""
    return T5Config(
        vocab_size=vocabulary,
        d_model=192,
        d_kv=32,
        d_ff=512,
        num_layers=4,
        num_decoder_layers=2,
        num_heads=6,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=True,
        scale_decoder_outputs=True,
        dropout_rate=0.0,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
    )


def new_student(work: Path, seed: int) -> T5ForConditionalGeneration:
    """A student whose embeddings are the teacher's, projected, and whose other weights are drawn at random."""
    torch.manual_seed(seed)
    embeddings = load_file(work / "embeddings.safetensors")["embeddings"]
    student = T5ForConditionalGeneration(configuration(len(embeddings)))
    with torch.no_grad():
        student.shared.weight.copy_(embeddings)
    return student


class ScaledAdamW(torch.optim.AdamW):
    """AdamW whose step for each matrix is in proportion to the root mean square of its entries.

    T5's weights differ in size by orders of magnitude (a query's are small, an embedding's are near one), so one
    plain learning rate is too fast for some and far too slow for others. Adafactor and nanoT5 scale in this way.
    """

    @torch.no_grad()
    def step(self, closure=None):
        plain = [group["lr"] for group in self.param_groups]
        # One parameter to a group (see `optimizer_for`), so that the group's rate is that parameter's own.
        for group in self.param_groups:
            weight = group["params"][0]
            scale = float(weight.square().mean().sqrt()) if weight.ndim > 1 else 1.0
            group["lr"] *= max(scale, 1e-3)
        super().step(closure)
        for group, rate in zip(self.param_groups, plain, strict=True):
            group["lr"] = rate


def optimizer_for(named_parameters, rate: float, factors: dict[str, float] | None = None) -> ScaledAdamW:
    """One group for each parameter; `factors` slows those whose names start with its keys."""
    groups = []
    for name, parameter in named_parameters:
        factor = next((value for key, value in (factors or {}).items() if name.startswith(key)), 1.0)
        # Vectors (the scales of the norms) sit near one, whatever the size of the matrices: a gentle rate suits them.
        factor *= 1.0 if parameter.ndim > 1 else 0.1
        groups.append({"params": [parameter], "lr": rate * factor, "factor": factor})
    return ScaledAdamW(groups, betas=(0.9, 0.98), eps=1e-8, weight_decay=0.0, foreach=False, fused=False)


def rate_at(fraction: float, peak: float, warm: float = 0.04) -> float:
    """The learning rate after `fraction` of a run: a short rise, then a cosine down to a hundredth."""
    if fraction < warm:
        return peak * max(fraction, 1e-3) / warm
    along = min(1.0, (fraction - warm) / (1 - warm))
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * along)))


def set_rate(optimizer: ScaledAdamW, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]


def save_checkpoint(file: Path, **content) -> None:
    """Writes under another name first, so that a run that is killed leaves the checkpoint before whole."""
    torch.save(content, file.with_suffix(".part"))
    file.with_suffix(".part").rename(file)


def export(student: T5ForConditionalGeneration, work: Path, target: Path) -> None:
    """Writes the student in bf16 as a Hugging Face folder; each file appears whole or not at all."""
    target.mkdir(parents=True, exist_ok=True)
    temporary = work / "export"
    halved = T5ForConditionalGeneration(student.config)
    halved.load_state_dict(student.state_dict())
    halved.to(torch.bfloat16).save_pretrained(temporary)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(work / "tokenizer.json"),
        pad_token=PAD,
        eos_token=END,
        unk_token=UNKNOWN,
        extra_special_tokens=[f"<extra_id_{index}>" for index in range(32)],
        model_max_length=512,
        clean_up_tokenization_spaces=True,
    )
    tokenizer.save_pretrained(temporary)
    names = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"]
    for name in names:
        part = target / f".{name}.part"
        part.write_bytes((temporary / name).read_bytes())
        os.replace(part, target / name)
