"""Head, vectors and learner of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from multiprot.bundle import PredictionHead, PredictionSettings
from multiprot.embedding import Embedder, EmbedOptions
from multiprot.embedding.hardware import usable_device
from multiprot.embedding.models.bundle_model import BundleModel
from multiprot.evaluation.baselines.ligand import FINGERPRINT_BITS
from multiprot.evaluation.tasks import Target, Task, Unit
from multiprot.finetuning.frozen import FrozenVectors
from multiprot.finetuning.learner import HeadLearner, ModelLearner, let_learn
from multiprot.finetuning.live import LiveVectors
from multiprot.finetuning.live_model import LiveModel
from multiprot.finetuning.loss import TaskLoss
from multiprot.finetuning.parts import Parts
from multiprot.finetuning.rows import predicted
from multiprot.finetuning.start import Start
from multiprot.training.finetune.module import Learner
from multiprot.training.finetune.options import FineTuneOptions
from multiprot.training.finetune.plan import EntryPlan
from multiprot.training.seeding import seed_at

_SAMPLE: Final = {Unit.RESIDUE: 128}
_SAMPLE_OTHERS: Final = 1024
"""Training entries whose vectors say how a head's inputs are standardised."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitting:
    """What is fitted to a task.

    Attributes
    ----------
    task, parts
        To what.
    head
        Not yet standardised.
    vectors
        Of the task's entries.
    learner
        The head, and the model where it learns.
    """

    task: Task
    parts: Parts
    head: PredictionHead
    vectors: FrozenVectors | LiveVectors
    learner: Learner

    @classmethod
    def of(
        cls,
        start: Start,
        task: Task,
        parts: Parts,
        options: FineTuneOptions,
        *,
        device: str,
        cache: Path,
    ) -> Fitting:
        """All that a run needs, its first weights drawn by the seed.

        Parameters
        ----------
        start
            The model to begin with.
        task, parts
            What is to be learnt, and from which entries.
        options
            How.
        device
            Where it is computed.
        cache
            Folder that keeps the vectors of a model that does not learn.
        """
        embedding = embed_options(options)
        place = usable_device(device, options.precision)
        head = _head(task, start, options)
        loss = TaskLoss(task, parts.train, balanced=options.class_weights == "balanced")
        if options.mode == "frozen":
            embedder = Embedder(BundleModel(start.bundle, embedding, place), embedding)
            frozen = FrozenVectors(task, embedder, parts.all(), cache)
            learner: Learner = HeadLearner(head, loss)
            return cls(task=task, parts=parts, head=head, vectors=frozen, learner=learner)
        model = LiveModel(start.bundle, embedding, place)
        let_learn(model, options.mode)
        live = LiveVectors(task, Embedder(model, embedding), parts.all())
        learner = ModelLearner(head, loss, model, adapters_alone=options.mode == "lora")
        return cls(task=task, parts=parts, head=head, vectors=live, learner=learner)

    def standardise(self, seed: int) -> None:
        """Set the head's statistics from training entries and the model as it is now."""
        train = self.parts.train
        most = _SAMPLE.get(self.task.specification.unit, _SAMPLE_OTHERS)
        chosen = np.random.default_rng([seed, len(train)]).permutation(train)[:most]
        rows = self.vectors.rows(np.sort(chosen))
        seen = rows.first if rows.second is None else np.concatenate([rows.first, rows.second])
        _set(self.head.center, seen.mean(axis=0, dtype=np.float64))
        _set(self.head.spread, _spread(seen.std(axis=0, dtype=np.float64)))
        labels = self.task.labels
        if labels.target is Target.REGRESSION:
            values = labels.values[labels.rows(train)]
            _set(self.head.target_center, np.array([values.mean()]))
            _set(self.head.target_spread, np.array([values.std()]))

    def predictions(self, entries: NDArray[np.int64]) -> NDArray[np.float64]:
        """What the head says of entries, or of their scored residues, as it is now."""
        return predicted(self.head, self.vectors.rows(entries))

    def plan(self, options: FineTuneOptions) -> EntryPlan:
        """Batches of positions in the training part."""
        lengths = [
            sum(len(column[row]) for column in self.task.sequences) for row in self.parts.train
        ]
        return EntryPlan(
            np.array(lengths, dtype=np.int64),
            seed=seed_at(options.seed, "batches"),
            tokens=options.batch_tokens,
            entries=options.batch_entries,
        )


def embed_options(options: FineTuneOptions) -> EmbedOptions:
    """How proteins are embedded: from their sequences alone, which is all that tasks have."""
    return EmbedOptions(
        modalities="sequence",
        long_proteins=options.long_proteins,
        max_residues=options.max_residues,
        window_overlap=options.window_overlap,
        precision=options.precision,
    )


def _head(task: Task, start: Start, options: FineTuneOptions) -> PredictionHead:
    specification = task.specification
    named = specification.target is not Target.REGRESSION
    settings = PredictionSettings(
        task=task.name,
        unit=specification.unit.value,
        target=specification.target.value,
        class_names=task.labels.names if named else (),
        width=start.bundle.config.fusion.width,
        ligand_bits=FINGERPRINT_BITS if task.ligands else 0,
        hidden=options.hidden,
        dropout=options.dropout,
        max_residues=options.max_residues,
        window_overlap=options.window_overlap,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_at(options.seed, "head"))
        return PredictionHead(settings)


def _set(buffer: torch.Tensor, values: NDArray[np.float64]) -> None:
    buffer.copy_(torch.from_numpy(values.astype(np.float32)))


def _spread(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 for channels that do not vary, or not more than rounding makes them."""
    least = 1e-6 * max(float(deviations.max()), 1e-30)
    return np.where(deviations > least, deviations, 1.0)
