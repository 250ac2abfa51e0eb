"""What a fidelity card is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from multiprot.embedding import EmbedOptions
from multiprot.embedding.progress import Watch, unwatched
from multiprot.errors import FidelityError
from multiprot.evaluation.features import ModelKind, ModelReference, parse_models
from multiprot.evaluation.structures import StructureOptions
from multiprot.fidelity.options import FidelityOptions, FidelityScoring
from multiprot.fidelity.random_weights import NAME

Say = Callable[[str], None]

_MODELS: Final = (ModelKind.BUNDLE, ModelKind.ENCODER)


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityPlan:
    """A student, its teachers, and what they are compared on.

    Attributes
    ----------
    student, teachers
        Bundles or encoders.
    random
        What is to be gained upon; None: the student's shape with random weights.
    proteins
        FASTA files, structure files, folders of them or corpora, held out from training.
    tasks
        Task folders.
    work
        Folder that keeps vectors and finished scores.
    options, scoring
        What is measured, and how models are scored on tasks.
    embedding
        How models embed; the student, and random weights, from sequences alone in any case.
    device
        Where they compute.
    structures
        Of the tasks' proteins.
    command
        Written into the card.
    watch
        Gives the counters of each run of embedding.
    say
        Told of each step as it begins.
    """

    student: ModelReference
    teachers: Sequence[ModelReference]
    random: ModelReference | None = None
    proteins: Sequence[str]
    tasks: Sequence[Path]
    work: Path
    options: FidelityOptions = field(default_factory=FidelityOptions)
    scoring: FidelityScoring = field(default_factory=FidelityScoring)
    embedding: EmbedOptions = field(default_factory=EmbedOptions)
    device: str = "cpu"
    structures: StructureOptions = field(default_factory=StructureOptions)
    command: str = ""
    watch: Watch = unwatched
    say: Say = lambda told: None

    @property
    def models(self) -> tuple[ModelReference, ...]:
        """The student, then its teachers."""
        return (self.student, *self.teachers)

    def options_of(self, model: ModelReference) -> EmbedOptions:
        """How a model embeds."""
        if model != self.student:
            return self.embedding
        return self.embedding.model_copy(update={"modalities": "sequence"})


def parse_contest(
    student: str, teachers: Sequence[str], random: str | None
) -> tuple[ModelReference, tuple[ModelReference, ...], ModelReference | None]:
    """Models as a user calls them: MODEL, or NAME=MODEL.

    Raises
    ------
    EvaluationError
        If two have the same name.
    FidelityError
        If there is no teacher, or a student or teacher is no model that embeds.
    """
    if not teachers:
        raise FidelityError(f"{student}: has no teacher to be compared with; name one, --teacher")
    names = [student, *teachers, *([] if random is None else [random])]
    found = parse_models(names)
    last = None if random is None else found.pop()
    for reference in found:
        if reference.kind not in _MODELS:
            raise FidelityError(
                f"{reference.target}: is a {reference.kind.value}, whose speed and residues cannot "
                "be measured; name a bundle or an encoder, such as student:FOLDER"
            )
        if reference.name == NAME:
            raise FidelityError(f"{reference.target}: {NAME!r} is taken; name it OTHER=MODEL")
    return found[0], tuple(found[1:]), last
