"""Head, vectors and learner of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from multiprot.bundle import PredictionHead, PredictionSettings
from multiprot.bundle.graph_layers import GraphSettings
from multiprot.bundle.protein_network import ProteinNetwork
from multiprot.embedding import Embedder, EmbedOptions
from multiprot.embedding.hardware import usable_device
from multiprot.embedding.models.bundle_model import BundleModel
from multiprot.errors import EvaluationError, TrainingError
from multiprot.evaluation.baselines.ligand import FINGERPRINT_BITS
from multiprot.evaluation.structures import StructureLibrary
from multiprot.evaluation.structures.report import without_structure
from multiprot.evaluation.tasks import Target, Task, Unit
from multiprot.finetuning.frozen import FrozenVectors
from multiprot.finetuning.interaction_network import interaction_network
from multiprot.finetuning.kept_tokens import kept_tokens
from multiprot.finetuning.learner import HeadLearner, ModelLearner
from multiprot.finetuning.learning import let_learn
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
        structures: StructureLibrary | None = None,
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
            Folder that keeps the vectors of a model that does not learn, or the tokens of a
            sequence encoder that does not.
        structures
            Of the task's proteins, which were looked for; None: they have none.

        Raises
        ------
        EvaluationError, TrainingError
            If model, task and options do not fit one another.
        """
        if structures is not None:
            _refuse_unread(start, structures)
            if "structure" in options.learns:
                _refuse_none(task, parts, structures)
        embedding = embed_options(options, structures=structures is not None)
        place = usable_device(device, options.precision)
        graph = options.head == "graph"
        network = interaction_network(task, parts, options) if graph else None
        head = _head(task, start, options, network, structures=structures is not None)
        loss = TaskLoss(task, parts.train, balanced=options.class_weights == "balanced")
        if options.mode == "frozen":
            embedder = Embedder(BundleModel(start.bundle, embedding, place), embedding)
            frozen = FrozenVectors(task, embedder, parts.all(), cache, network, structures)
            if network is not None and head.graph is not None:
                head.graph.take(network, torch.from_numpy(frozen.of_network(network)))
            learner: Learner = HeadLearner(head, loss)
            return cls(task=task, parts=parts, head=head, vectors=frozen, learner=learner)
        model = LiveModel(start.bundle, embedding, place)
        learning = let_learn(
            start.bundle.model,
            options,
            model.identity.name,
            structures=structures is not None,
        )
        live = LiveVectors(task, Embedder(model, embedding), parts.all(), structures)
        if options.frozen_tokens == "kept" and not learning.sequence_learns:
            pieces = live.sequences_of_pieces(parts.all())
            tokens = kept_tokens(start.bundle, pieces, cache / "tokens", place)
            if tokens is not None:
                model.read_sequences(tokens)
        learner = ModelLearner(head, loss, model, learning)
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
            # Differences have a zero of their own.
            center = 0.0 if self.head.settings.wild_type else values.mean()
            _set(self.head.target_center, np.array([center]))
            _set(self.head.target_spread, np.array([np.sqrt(np.mean((values - center) ** 2))]))

    def predictions(self, entries: NDArray[np.int64]) -> NDArray[np.float64]:
        """What the head says of entries, or of their scored residues, as it is now."""
        return predicted(self.head, self.vectors.rows(entries))

    def plan(self, options: FineTuneOptions) -> EntryPlan:
        """Batches of positions in the training part."""
        train, columns = self.parts.train, self.task.sequences
        lengths = np.array([sum(len(c[row]) for c in columns) for row in train], dtype=np.int64)
        tokens = options.batch_tokens
        if options.mode == "frozen" and self.task.specification.unit is not Unit.RESIDUE:
            # A vector takes its place however long the protein is.
            lengths, tokens = np.ones_like(lengths), options.batch_entries
        return EntryPlan(
            lengths,
            seed=seed_at(options.seed, "batches"),
            tokens=tokens,
            entries=options.batch_entries,
        )


def _refuse_unread(start: Start, structures: StructureLibrary) -> None:
    if start.bundle.config.structure is None:
        raise TrainingError(
            f"{start.source}: the model has no structure encoder, and would not look at the "
            f"structures of {structures.folder}; leave --structures out, choose another model, or "
            "put an encoder beside a sequence encoder with --structure-encoder"
        )


def _refuse_none(task: Task, parts: Parts, structures: StructureLibrary) -> None:
    """Learning from structures that nobody has would pass for a result."""
    if without_structure(structures, task, parts.train) == len(parts.train):
        raise EvaluationError(
            f"{task.name}: not one of {len(parts.train)} training entries has a structure in "
            f"{structures.folder}; give another folder, lower --structure-identity or "
            "--structure-coverage, or leave structure out of what learns"
        )


def embed_options(options: FineTuneOptions, *, structures: bool = False) -> EmbedOptions:
    """How proteins are embedded: from their sequences, and their structures where there are any."""
    return EmbedOptions(
        modalities="all" if structures else "sequence",
        long_proteins=options.long_proteins,
        max_residues=options.max_residues,
        window_overlap=options.window_overlap,
        precision=options.precision,
    )


def _head(
    task: Task,
    start: Start,
    options: FineTuneOptions,
    network: ProteinNetwork | None,
    *,
    structures: bool,
) -> PredictionHead:
    specification = task.specification
    named = specification.target is not Target.REGRESSION
    if options.scores == "tanh" and specification.target not in (Target.BINARY, Target.MULTICLASS):
        raise EvaluationError(
            f"{task.name}: scores tanh is for classes that exclude one another, and this task is "
            f"{specification.task_type.value}; leave --scores out"
        )
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
        graph=None if network is None else _graph(network, options),
        wild_type=options.wild_type,
        scores=options.scores,
        structures=structures,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_at(options.seed, "head"))
        return PredictionHead(settings)


def _graph(network: ProteinNetwork, options: FineTuneOptions) -> GraphSettings:
    known_alone = options.graph_edges == "train"
    return GraphSettings(
        proteins=len(network),
        edges=network.edges.shape[1],
        layers=options.graph_layers,
        width=options.graph_width,
        neighbours=options.graph_neighbours or ("mean" if known_alone else "sum"),
        hides=known_alone,
    )


def _set(buffer: torch.Tensor, values: NDArray[np.float64]) -> None:
    buffer.copy_(torch.from_numpy(values.astype(np.float32)))


def _spread(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 for channels that do not vary, or not more than rounding makes them."""
    least = 1e-6 * max(float(deviations.max()), 1e-30)
    return np.where(deviations > least, deviations, 1.0)
