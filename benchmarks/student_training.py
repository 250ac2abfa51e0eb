r"""Residues per second of training: a student beside Hugging Face's Trainer on the same proteins.

    python -m benchmarks.student_training --sequences runs/sequences --out FILE \
        [--size nano|mini|35m] [--device cpu|cuda] [--steps 20] [--rounds 3]

The rival is `EsmForMaskedLM` of as many layers, channels and heads, its plain feed-forward four
times as wide, so that both have nearly as many parameters. It is trained by `transformers.Trainer`
with its own collator: as it comes (8 proteins a batch, padded, float32), in bfloat16, in larger
batches of like length, and packed into blocks of 512 tokens without padding. Proteins are cropped
to 512 residues for everyone. All variants take turns, each round anew from the first step; steps
that warm up are not timed. Residues are counted, not padding or special tokens.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any, Final

import torch

from benchmarks.embedding_speed.ceiling import matmul_ceiling
from benchmarks.embedding_speed.machine import machine
from benchmarks.embedding_speed.shapes import VOCABULARY
from benchmarks.results import save_results
from multiprot.data.sequences import SequenceShards
from multiprot.student.config import HEAD_CHANNELS, StudentConfig
from multiprot.training.callbacks.timing import Stopwatch
from multiprot.training.masked.config import MaskedConfig
from multiprot.training.masked.data import MaskedData
from multiprot.training.masked.session import build_student
from multiprot.training.trainer import build_trainer, quiet_lightning

SIZES: Final = {
    "nano": StudentConfig(width=192, layers=5),
    "mini": StudentConfig(width=320, layers=6),
    "35m": StudentConfig(width=512, layers=11),
}
CROP: Final = 512
WARM_UP: Final = 3
PROTEINS: Final = 4000
BASELINE: Final = "HF Trainer, fp32, padded, 8 a batch"


@dataclass(slots=True)
class Setting:
    """What all variants have in common."""

    shards: SequenceShards
    shape: StudentConfig
    device: str
    steps: int
    tokens: int
    blocks: list[list[int]] = field(default_factory=list)
    proteins: list[list[int]] = field(default_factory=list)


def ours(setting: Setting, precision: str) -> float:
    """Residues per second of the masked-sequence recipe."""
    config = MaskedConfig.model_validate(
        {
            "sequences": str(setting.shards.path),
            "model": setting.shape.model_dump(),
            "batch": {"tokens_per_batch": setting.tokens, "crop_residues": CROP},
            "trainer": {
                "precision": precision,
                "accelerator": "cpu" if setting.device == "cpu" else "gpu",
            },
        }
    )
    _, module = build_student(config, setting.shards)
    stopwatch = Stopwatch(WARM_UP)
    with quiet_lightning():
        steps = WARM_UP + setting.steps
        trainer = build_trainer(config.trainer, callbacks=[stopwatch], max_steps=steps)
        trainer.fit(module, datamodule=MaskedData(setting.shards, config))
    return stopwatch.report()["residues_per_second"]


def rival(setting: Setting, *, bf16: bool, batch: int, packed: bool, grouped: bool) -> float:
    """Residues per second of `transformers.Trainer`."""
    from transformers import (
        DataCollatorForLanguageModeling,
        EsmTokenizer,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    class Clock(TrainerCallback):  # type: ignore[misc]
        began = ended = 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            if state.global_step == WARM_UP:
                collator.residues, self.began = 0, time.perf_counter()
            self.ended = time.perf_counter()

    with tempfile.TemporaryDirectory() as scratch:
        words = Path(scratch) / "vocab.txt"
        words.write_text("\n".join(VOCABULARY))
        tokenizer = EsmTokenizer(str(words))
        collator = _Counting(DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15))
        rows = setting.blocks if packed else setting.proteins
        arguments = TrainingArguments(
            output_dir=scratch,
            max_steps=WARM_UP + setting.steps,
            per_device_train_batch_size=batch,
            bf16=bf16,
            use_cpu=setting.device == "cpu",
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
            **_sampling(grouped),
        )
        clock = Clock()
        Trainer(
            model=_esm(setting.shape),
            args=arguments,
            train_dataset=[{"input_ids": row} for row in rows],
            data_collator=collator,
            callbacks=[clock],
        ).train()
    # The batch after the last step was collated, too, if at all, within the time.
    return collator.residues / (clock.ended - clock.began)


def _sampling(grouped: bool) -> dict[str, Any]:
    """Batches of like length, under the name that this version of transformers has for it."""
    from dataclasses import fields

    from transformers import TrainingArguments

    if not grouped:
        return {}
    names = {each.name for each in fields(TrainingArguments)}
    if "train_sampling_strategy" in names:
        return {"train_sampling_strategy": "group_by_length"}
    return {"group_by_length": True}


class _Counting:
    """A collator that counts residues."""

    def __init__(self, collator: Any) -> None:
        self._collator = collator
        self.residues = 0

    def __call__(self, rows: list[dict[str, list[int]]]) -> Any:
        first, last = VOCABULARY.index("L"), VOCABULARY.index("-")
        self.residues += sum(first <= t < last for row in rows for t in row["input_ids"])
        return self._collator(rows)


def _esm(shape: StudentConfig) -> Any:
    from transformers import EsmConfig, EsmForMaskedLM

    return EsmForMaskedLM(
        EsmConfig(
            vocab_size=len(VOCABULARY),
            mask_token_id=VOCABULARY.index("<mask>"),
            pad_token_id=VOCABULARY.index("<pad>"),
            hidden_size=shape.width,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.width // HEAD_CHANNELS,
            intermediate_size=4 * shape.width,
            max_position_embeddings=1026,
            position_embedding_type="rotary",
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            token_dropout=False,
        )
    )


VARIANTS: Final[dict[str, Callable[[Setting], float]]] = {
    BASELINE: lambda s: rival(s, bf16=False, batch=8, packed=False, grouped=False),
    "HF Trainer, bf16, padded, 8 a batch": lambda s: rival(
        s, bf16=True, batch=8, packed=False, grouped=False
    ),
    "HF Trainer, bf16, by length, 32 a batch": lambda s: rival(
        s, bf16=True, batch=32, packed=False, grouped=True
    ),
    "HF Trainer, bf16, packed, 16 blocks of 512": lambda s: rival(
        s, bf16=True, batch=16, packed=True, grouped=False
    ),
    "multiprot, fp32": lambda s: ours(s, "32-true"),
    "multiprot, bf16": lambda s: ours(s, "bf16-mixed"),
}


def flops_per_residue(shape: StudentConfig, mean_length: float) -> float:
    """Of forward and backward pass: six per weight, and what attention takes."""
    weights = 12 * shape.width**2 * shape.layers
    return 6.0 * weights + 12.0 * shape.layers * shape.width * mean_length


def tokenised(shards: SequenceShards) -> tuple[list[list[int]], list[list[int]]]:
    """Proteins as ESM's tokens, cropped, and the same in blocks without padding."""
    split = shards.split("train")
    picked = torch.randperm(len(split), generator=torch.Generator().manual_seed(0))[:PROTEINS]
    begin, end = VOCABULARY.index("<cls>"), VOCABULARY.index("<eos>")
    token_of = {letter: VOCABULARY.index(letter) for letter in VOCABULARY if len(letter) == 1}
    proteins = [
        [begin, *(token_of.get(x, token_of["X"]) for x in split.sequence(int(n))[:CROP]), end]
        for n in picked
    ]
    row = list(chain.from_iterable(proteins))
    blocks = [row[start : start + CROP] for start in range(0, len(row) - CROP, CROP)]
    return proteins, blocks


def compare(setting: Setting, rounds: int) -> dict[str, Any]:
    """Every variant's residues per second, and ratios."""
    setting.proteins, setting.blocks = tokenised(setting.shards)
    runs: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for number in range(rounds):
        names = list(VARIANTS)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            torch.manual_seed(0)
            runs[name].append(VARIANTS[name](setting))
    ceilings = {kind: matmul_ceiling(setting.device, kind) for kind in ("fp32", "bf16")}
    mean = sum(len(p) ** 2 for p in setting.proteins) / sum(map(len, setting.proteins))
    flops = flops_per_residue(setting.shape, mean)
    speeds = {name: median(values) for name, values in runs.items()}
    return {
        "ceiling_gflops": {kind: round(value / 1e9) for kind, value in ceilings.items()},
        "gigaflop_per_residue": flops / 1e9,
        "variants": {
            name: {
                "residues_per_second": round(speed),
                "runs": [round(value) for value in runs[name]],
                "of_baseline": round(speed / speeds[BASELINE], 2),
                "of_ceiling": round(
                    speed * flops / ceilings["fp32" if "fp32" in name else "bf16"], 3
                ),
            }
            for name, speed in speeds.items()
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.student_training")
    parser.add_argument("--sequences", type=Path, required=True, help="folder of `data sequences`")
    parser.add_argument("--size", choices=list(SIZES), default="nano")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--steps", type=int, default=20, help="timed steps of a run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=8192, help="of a batch of ours")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    setting = Setting(
        shards=SequenceShards.open(arguments.sequences),
        shape=SIZES[arguments.size],
        device=arguments.device,
        steps=arguments.steps,
        tokens=arguments.tokens,
    )
    figures = {
        **machine(arguments.device, torch.get_num_threads()),
        "size": arguments.size,
        "sequences": setting.shards.content_hash,
        **compare(setting, arguments.rounds),
    }
    save_results(arguments.out, "benchmarks.student_training", figures)
    print(f"{'':44} residues/s  x padded HF  of ceiling")
    for name, told in figures["variants"].items():
        print(
            f"{name:44} {told['residues_per_second']:>10,}  {told['of_baseline']:>11.2f}"
            f"  {told['of_ceiling']:>9.1%}"
        )


if __name__ == "__main__":
    main()
