"""Optional tensors of a bundle: the state of the objectives and the calibrated GO readout."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from torch import Tensor

from multiprot.bundle.parts import BundleConfig, TermReadout, TrainedObjectives
from multiprot.encoders.contract import ObjectiveContext, SpanVocabulary, TeacherFacts
from multiprot.encoders.registry import Registry
from multiprot.encoders.tensor_files import fill_module, load_tensors, save_tensors
from multiprot.errors import BundleError

if TYPE_CHECKING:
    from multiprot.objectives import TotalObjective
    from multiprot.ontology import GeneOntology

_STATE: Final = "state."
_CONTEXT: Final = "context."
_SIZES: Final = ("width", "shared_dim")
_GO_WIDTH: Final = "go_width"
_SPANS: Final = "spans"
_TEACHERS: Final = "teachers"
_TEACHER_HEADS: Final = "heads."
_TERM_IDS: Final = "term_ids"


def save_objectives(objectives: TrainedObjectives, path: Path) -> None:
    """Write the objectives' state and what they were built with, except the ontology."""
    context = objectives.context
    tensors = {_STATE + name: tensor for name, tensor in objectives.module.state_dict().items()}
    metadata = {name: str(getattr(context, name)) for name in _SIZES}
    if context.go_width is not None:
        metadata[_GO_WIDTH] = str(context.go_width)
    if context.spans is not None:
        metadata[_SPANS] = json.dumps(asdict(context.spans))
    for field in fields(context):
        value = getattr(context, field.name)
        if isinstance(value, Tensor):
            tensors[_CONTEXT + field.name] = value
    metadata[_TEACHERS] = json.dumps(list(context.teachers))
    for number, facts in enumerate(context.teachers.values()):
        found = {part.name: getattr(facts, part.name) for part in fields(facts)}
        heads = {_TEACHER_HEADS + name: value for name, value in found.pop("heads").items()}
        tensors |= {
            _teacher_prefix(number) + name: value
            for name, value in (found | heads).items()
            if value is not None
        }
    save_tensors(tensors, path, metadata)


def load_objectives(
    path: Path, settings: BundleConfig, registry: Registry, ontology: GeneOntology | None
) -> TotalObjective:
    """The objectives that `save_objectives` wrote, in evaluation mode.

    Raises
    ------
    BundleError
        If the file does not fit the settings.
    """
    from multiprot.objectives import build_objectives

    tensors, metadata = load_tensors(path)
    built_with: dict[str, Any] = dict(_part(tensors, _CONTEXT))
    try:
        context = ObjectiveContext(
            width=int(metadata["width"]),
            shared_dim=int(metadata["shared_dim"]),
            ontology=ontology,
            go_width=int(metadata[_GO_WIDTH]) if _GO_WIDTH in metadata else None,
            spans=_vocabulary(json.loads(metadata[_SPANS])) if _SPANS in metadata else None,
            teachers=_teachers(json.loads(metadata.get(_TEACHERS, "[]")), tensors),
            **built_with,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise BundleError(f"{path}: lacks what the objectives were built with ({error})") from None
    total = build_objectives(settings.objectives, registry, context)
    fill_module(total, _part(tensors, _STATE), path)
    return total.eval()


def head_tensors(path: Path) -> dict[str, Tensor]:
    """The state that `save_objectives` wrote, tensors by objective and name in it."""
    return _part(load_tensors(path)[0], f"{_STATE}objectives.")


def save_readout(readout: TermReadout, path: Path) -> None:
    """Write a GO readout."""
    tensors = {name: getattr(readout, name) for name in ("log_prior", "scale", "bias")}
    save_tensors(tensors, path, {_TERM_IDS: json.dumps(readout.term_ids)})


def load_readout(path: Path) -> TermReadout:
    """The readout that `save_readout` wrote; `BundleError` if the file holds something else."""
    tensors, metadata = load_tensors(path)
    try:
        return TermReadout(term_ids=tuple(json.loads(metadata[_TERM_IDS])), **tensors)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"{path}: is not a GO readout ({error})") from None


def _vocabulary(tree: dict[str, Any]) -> SpanVocabulary:
    parts = {name: tuple(values) for name, values in tree.items()}
    parts["entries"] = tuple((str(kind), str(name)) for kind, name in parts["entries"])
    parts["known_residues"] = tuple(
        (tuple(kinds), int(count)) for kinds, count in parts["known_residues"]
    )
    return SpanVocabulary(**parts)


def _teachers(names: list[str], tensors: dict[str, Tensor]) -> dict[str, TeacherFacts]:
    found = {}
    for number, name in enumerate(names):
        own = _part(tensors, _teacher_prefix(number))
        heads = _part(own, _TEACHER_HEADS)
        rest = {key: value for key, value in own.items() if not key.startswith(_TEACHER_HEADS)}
        found[name] = TeacherFacts(**rest, heads=heads)
    return found


def _teacher_prefix(number: int) -> str:
    return f"teacher.{number}."


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
