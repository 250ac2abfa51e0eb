"""The session of a student: what it trains, and the folder it leaves behind."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from multiprot.bundle import TrainingSequences
from multiprot.data.sequences import SequenceShards
from multiprot.objectives.masked_residue import amino_acid_frequencies
from multiprot.student.checkpoint import StudentSettings, save_student
from multiprot.student.model import Student
from multiprot.training.masked.card import student_card, student_provenance
from multiprot.training.masked.config import MaskedConfig
from multiprot.training.masked.data import MaskedData
from multiprot.training.masked.loss import NAME, HiddenTokens, MaskedLoss
from multiprot.training.module import PretrainModule
from multiprot.training.results import ResultRow, Results, result_rows
from multiprot.training.run_folder import RunFolder
from multiprot.training.run_session import RunSession
from multiprot.training.seeding import seed_at

_LARGEST_LOSS = math.log(sys.float_info.max)


class MaskedSession(RunSession):
    """Trains a student to guess hidden residues.

    Parameters
    ----------
    config
        The recipe.
    shards
        What it learns from.
    folder
        Where everything goes.
    checkpoint
        Where to go on, or None.
    """

    def __init__(
        self,
        config: MaskedConfig,
        shards: SequenceShards,
        folder: RunFolder,
        checkpoint: Path | None = None,
    ) -> None:
        self.config, self.shards = config, shards
        self.student, module = build_student(config, shards)
        data = MaskedData(shards, config)
        super().__init__(module, data, config.trainer, config.averaging, folder, checkpoint)
        data.check(self.trainer.world_size)

    def own_facts(self) -> dict[str, Any]:
        """The sequences."""
        return {"corpus_content_hash": self.shards.content_hash}

    def results(self) -> Results:
        """Metrics of the valid split; perplexities are of the mean loss."""
        before, after = self.valid_before(), self.module.valid
        return Results(
            steps=self.trainer.global_step,
            seconds=self.clock.seconds,
            parameters=self.parameters,
            rows=(*result_rows(before, after, None), perplexity_row(before, after)),
            timing=self.stopwatch.report(),
        )

    def save(self, results: Results) -> None:
        """Write the student."""
        provenance = student_provenance(self.config, self.shards, results, self.looks())
        crop = self.config.batch.crop_residues
        settings = StudentSettings(self.config.model, crop, provenance)
        save_student(
            self.folder.student,
            self.student.eval().cpu(),
            settings,
            card=student_card(settings),
            digests=learnt_digests(self.shards),
            overwrite=True,
        )


def build_student(config: MaskedConfig, shards: SequenceShards) -> tuple[Student, PretrainModule]:
    """The student that the recipe describes, freshly initialised, and its Lightning module."""
    counts = torch.from_numpy(shards.split("train").letter_counts())
    frequencies = amino_acid_frequencies(counts / counts.sum())
    torch.manual_seed(seed_at(config.seed, "weights"))
    student = Student(config.model, frequencies)
    module = PretrainModule(
        HiddenTokens(student),
        MaskedLoss(student, frequencies),
        seed=config.seed,
        optimizer=config.optimizer,
        schedule=config.schedule,
        max_steps=config.trainer.max_steps,
    )
    return student, module


def perplexity_row(before: Mapping[str, float], after: Mapping[str, float]) -> ResultRow:
    """exp(cross-entropy) before, after, and for frequencies alone."""
    start, end = before.get(f"{NAME}/loss"), after[f"{NAME}/loss"]
    return ResultRow(
        name=f"{NAME}/perplexity",
        start=None if start is None else _exp(start),
        end=_exp(end),
        baseline=_exp(after[f"{NAME}/baseline_loss"]),
    )


def _exp(loss: float) -> float:
    """Infinity where `math.exp` would end a run whose loss went through the roof."""
    return math.exp(loss) if loss < _LARGEST_LOSS else math.inf


def learnt_digests(shards: SequenceShards) -> NDArray[np.uint64]:
    """Hashes of the sequences that a student was trained or chosen by."""
    splits = [shards.split(name) for name in ("train", "valid")]
    sequences = (split.sequence(number) for split in splits for number in range(len(split)))
    return TrainingSequences.of(sequences).digests
