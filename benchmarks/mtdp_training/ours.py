"""The same student by multiprot: its embedder, and its step with batches by length."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.mtdp_training.plain import TEACHERS, WIDTH, PlainShape, PlainStudent
from multiprot.bundle import save_bundle
from multiprot.cli.recipes import resolve_recipe
from multiprot.data.collate import Collator
from multiprot.data.sampler import cut_by_budget
from multiprot.data.targets import BatchTargets
from multiprot.data.teaching import Answer
from multiprot.embedding import Embedder, EmbedOptions
from multiprot.encoders.contract import ObjectiveContext
from multiprot.encoders.plugin import Precision
from multiprot.encoders.registry import Registry
from multiprot.encoders.targets import TeacherFacts
from multiprot.fusion import FusionModel, build_model
from multiprot.objectives import build_objectives
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord
from multiprot.training.config import PretrainConfig
from multiprot.training.optim import build_optimizer, gradient_norm

RECIPE: Final = Path(__file__).parents[2] / "configs" / "distill" / "mtdp.yaml"
NAMES: Final = ("esm2", "prott5")
_ALONE: Final = 'objectives=[{"name": "distill-kl", "options": {"weighting": "sum"}}]'
"""The released loss, and nothing beside it."""


class VectorsOfElsewhere:
    """A teacher whose vectors are there already, by sequence.

    Parameters
    ----------
    vectors
        float32 [channel] of each sequence.
    """

    token_width = 0
    teaches_crops = True

    def __init__(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        self._vectors = vectors
        self.width = len(next(iter(vectors.values())))

    def answers(self, records: Sequence[ProteinRecord]) -> list[Answer | None]:
        """As `Teacher.answers`."""
        return [Answer(self._vectors[record.sequence], None) for record in records]


def recipe(shape: PlainShape, *, whole: bool = False, student: str | None = None) -> PretrainConfig:
    """MTDP's recipe.

    Parameters
    ----------
    shape
        Of the T5 encoder.
    whole
        With all objectives of the recipe; else with the released loss alone.
    student
        A preset of our own student in place of the T5 encoder.
    """
    options: dict[str, Any] = {
        "layers": shape.layers,
        "width": shape.width,
        "heads": shape.heads,
        "feed_forward_width": shape.feed_forward_width,
        "dropout": shape.dropout,
        "max_residues": 1001,
    }
    settings = [f"model.sequence.options={json.dumps(options)}"]
    if student is not None:
        settings = ["model.sequence.name=student", f"model.sequence.options.preset={student}"]
    settings += [] if whole else [_ALONE]
    config: PretrainConfig = resolve_recipe([str(RECIPE), *settings]).value
    return config


def built(config: PretrainConfig, seed: int = 0) -> FusionModel:
    """The recipe's student, its weights as `seed` draws them."""
    torch.manual_seed(seed)
    return build_model(config.model, Registry.discover())


def copy_weights(model: FusionModel, plain: PlainStudent) -> None:
    """Give a plain student the weights of ours."""
    trunk: Any = model.sequence
    plain.trunk.encoder.load_state_dict(trunk.trunk.state_dict())
    to_vector: Any = model.streams["sequence"]
    plain.embed.load_state_dict(to_vector.linear.state_dict())


def embedder(
    config: PretrainConfig, model: FusionModel, folder: Path, precision: Precision
) -> Embedder:
    """Of the model as it is when it has been saved in `folder`."""
    if not folder.is_dir():
        told = {"name": folder.name, "note": "weights as drawn, nothing learnt"}
        save_bundle(folder, model=model.eval(), model_config=config.model, provenance=told)
    return Embedder.from_bundle(folder, options=EmbedOptions(precision=precision))


class OurStep:
    """Model, objectives, batches and optimizer of the recipe.

    Parameters
    ----------
    config
        The recipe.
    model
        What learns.
    records
        Proteins.
    taught
        float32 [protein, channel] of each teacher.
    tokens
        Residues of a batch, padding included.
    """

    def __init__(
        self,
        config: PretrainConfig,
        model: FusionModel,
        records: Sequence[ProteinRecord],
        taught: Sequence[NDArray[np.float32]],
        tokens: int,
    ) -> None:
        letters = len(RESIDUE_LETTERS)
        context = ObjectiveContext(
            width=WIDTH,
            shared_dim=0,
            residue_frequencies=torch.full((letters,), 1 / letters),
            teachers={name: facts(each) for name, each in zip(NAMES, taught, strict=True)},
        )
        self.model = model.train()
        self.objectives = build_objectives(config.objectives, Registry.discover(), context)
        both = torch.nn.ModuleList([self.model, self.objectives])
        self._parameters: list[Tensor] = list(both.parameters())
        self.optimizer = build_optimizer(both, config.optimizer)
        self._clip = config.optimizer.gradient_clip
        self.records = records
        lengths = np.array([len(record) for record in records])
        self.batches = cut_by_budget(np.arange(len(lengths)), lengths, tokens, None)
        self._collate = Collator(
            None if model.sequence is None else model.sequence.featurizer,
            None,
            BatchTargets(teachers=_teachers(records, taught)),
            config.batch,
        )
        self._chance = torch.Generator().manual_seed(0)

    def learn(self, *, mixed: bool) -> float:
        """One optimizer step on all proteins; the mean loss of a protein."""
        total = 0.0
        for rows in self.batches:
            batch = self._collate([self.records[row] for row in rows], rows)
            batch = self.objectives.corrupt(batch, self._chance)
            with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
                loss: Tensor = self.objectives(self.model(batch), batch).loss
            share = len(rows) / len(self.records)
            (share * loss).backward()  # type: ignore[no-untyped-call]
            total += share * loss.item()
        gradient_norm(self._parameters, self._clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return total


def facts(vectors: NDArray[np.float32]) -> TeacherFacts:
    """What an objective is told of a teacher that makes `vectors` [protein, channel]."""
    nothing = torch.zeros(0)
    mean, deviation = vectors.mean(axis=0), vectors.std(axis=0)
    return TeacherFacts(
        mean=torch.from_numpy(mean),
        deviation=torch.from_numpy(deviation),
        token_mean=nothing,
        token_deviation=nothing,
    )


def random_teachings(count: int, seed: int = 0) -> list[NDArray[np.float32]]:
    """Vectors [protein, channel] of both teachers: what they say does not matter for time."""
    numbers = np.random.default_rng(seed)
    return [numbers.standard_normal((count, width), dtype=np.float32) for width in TEACHERS]


def _teachers(
    records: Sequence[ProteinRecord], taught: Sequence[NDArray[np.float32]]
) -> dict[str, VectorsOfElsewhere]:
    names = [record.sequence for record in records]
    return {
        name: VectorsOfElsewhere(dict(zip(names, vectors, strict=True)))
        for name, vectors in zip(NAMES, taught, strict=True)
    }
