"""Corrections of probabilities by namespace, fitted on proteins whose terms are known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.bundle import Bundle
from multiprot.bundle import format as layout
from multiprot.embedding.identity import combined_hash
from multiprot.errors import EvaluationError, FileFormatError, SearchError
from multiprot.evaluation.calibration import (
    CalibrationMethod,
    Calibrator,
    PlattCalibrator,
    calibrator_from_json,
    fit_calibrator,
)
from multiprot.files import atomic_file, read_bytes, refuse_existing
from multiprot.ontology import NAMESPACES, Namespace

if TYPE_CHECKING:
    from multiprot.search.zero_shot.annotator import Annotator
    from multiprot.search.zero_shot.proteins import ProteinVectors
    from multiprot.search.zero_shot.truth import KnownTerms

FORMAT: Final = "multiprot-term-calibration"
_VERSION: Final = 1
_MOST_CELLS: Final = 50_000_000
"""Pairs of protein and term of one namespace; fitting takes about 60 bytes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TermCalibration:
    """What probabilities of learnt terms become.

    Attributes
    ----------
    model
        Of the model that it was fitted for, see `readout_hash`.
    calibrators
        One for each namespace that had proteins.
    proteins
        How many, by namespace.
    """

    model: str
    calibrators: Mapping[Namespace, Calibrator]
    proteins: Mapping[Namespace, int]

    def __call__(
        self, probabilities: NDArray[np.float64], namespaces: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Calibrated, float64 [term, protein]; namespaces without a calibrator stay as they are."""
        found = probabilities.copy()
        for space, calibrator in self.calibrators.items():
            rows = namespaces == NAMESPACES.index(space)
            found[rows] = calibrator(probabilities[rows])
        return found

    def refuse_other_model(self, bundle: Bundle) -> None:
        """Raise `SearchError` unless it was fitted for this very model and readout."""
        ours = readout_hash(bundle)
        if self.model != ours:
            raise SearchError(
                f"the calibration is of model {self.model[:12]}…, {bundle.path} is {ours[:12]}…; "
                "calibrate this model with --calibrate"
            )

    def to_json(self) -> dict[str, Any]:
        """Plain values, from which `from_json` makes an equal calibration."""
        return {
            "format": FORMAT,
            "version": _VERSION,
            "model": self.model,
            "namespaces": {
                space.value: {"proteins": self.proteins[space], **calibrator.to_json()}
                for space, calibrator in self.calibrators.items()
            },
        }

    @classmethod
    def from_json(cls, content: Any, source: str) -> TermCalibration:
        """What `to_json` gave; raises `FileFormatError`, naming `source`, if it is damaged."""
        try:
            if (content["format"], content["version"]) != (FORMAT, _VERSION):
                raise ValueError(f"format {content['format']!r}, version {content['version']!r}")
            entries = {Namespace(name): told for name, told in content["namespaces"].items()}
            found = {space: calibrator_from_json(told) for space, told in entries.items()}
            counts = {space: int(told["proteins"]) for space, told in entries.items()}
            model = str(content["model"])
        except (KeyError, TypeError, ValueError, AttributeError, EvaluationError) as error:
            raise FileFormatError(
                f"{source}: is no calibration ({error}); make one with --calibrate"
            ) from None
        _refuse_falling(found, source)
        return cls(model=model, calibrators=found, proteins=counts)

    def save(self, path: Path, *, overwrite: bool = False) -> None:
        """Write a JSON file."""
        refuse_existing(path, overwrite=overwrite)
        with atomic_file(path) as partial:
            partial.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> TermCalibration:
        """Read what `save` wrote; raises `FileFormatError` if it is something else."""
        try:
            content = json.loads(read_bytes(path))
        except ValueError as error:
            raise FileFormatError(f"{path}: is not JSON ({error})") from None
        return cls.from_json(content, str(path))


def readout_hash(bundle: Bundle) -> str:
    """SHA-256, in hex, of what decides a model's probabilities: its vectors and its readout."""
    readout = bundle.manifest.files[layout.TERMS].sha256
    return combined_hash([bundle.content_hash.encode(), readout.encode()])


def fit_term_calibration(
    annotator: Annotator,
    parts: Iterable[ProteinVectors],
    known: KnownTerms,
    model: str,
    *,
    method: CalibrationMethod = "isotonic",
) -> TermCalibration:
    """Learn corrections on proteins that the model was not trained on.

    Every pair of a learnt term and a protein that has some term of the namespace counts alike; a
    term that is not known of such a protein counts as false.

    Parameters
    ----------
    annotator
        Of the model, without calibration.
    parts
        The proteins.
    known
        What is true of them.
    model
        See `readout_hash`.
    method
        See `fit_calibrator`.

    Raises
    ------
    SearchError
        If there is no annotated protein, there are too many, or a correction would turn the order
        around.
    """
    cells = _Cells(annotator, known)
    for part in parts:
        cells.add(part)
    found = {
        space: _fitted(space, labels, claims, method) for space, labels, claims in cells.gathered()
    }
    if not found:
        raise SearchError("none of the proteins is annotated; give annotations of the same ids")
    _refuse_falling(found, "the calibration")
    return TermCalibration(
        model=model, calibrators=found, proteins={space: cells.proteins[space] for space in found}
    )


class _Cells:
    """Pairs of learnt terms and annotated proteins, by namespace."""

    def __init__(self, annotator: Annotator, known: KnownTerms) -> None:
        self._annotator, self._known = annotator, known
        self._columns = known.columns(annotator.term_ids)
        self._true: dict[Namespace, list[NDArray[np.bool_]]] = {n: [] for n in NAMESPACES}
        self._claimed: dict[Namespace, list[NDArray[np.float32]]] = {n: [] for n in NAMESPACES}
        self.proteins = dict.fromkeys(NAMESPACES, 0)

    def add(self, part: ProteinVectors) -> None:
        truth, annotated = self._known.of(part.ids, self._columns)
        claimed = self._annotator.probabilities(part.vectors)
        for number, space in enumerate(NAMESPACES):
            of_space = self._annotator.namespaces == number
            cut = np.ix_(of_space, annotated[number])
            self.proteins[space] += int(annotated[number].sum())
            if self.proteins[space] * of_space.sum() > _MOST_CELLS:
                raise SearchError(
                    f"more than {self.proteins[space]:,} proteins are annotated in {space.value}, "
                    "which is more than a calibration needs and memory holds; give some thousand"
                )
            self._true[space].append(truth[cut].ravel())
            self._claimed[space].append(claimed[cut].astype(np.float32).ravel())

    def gathered(self) -> Iterator[tuple[Namespace, NDArray[np.bool_], NDArray[np.float32]]]:
        """True and claimed, [cell], of each namespace that has any."""
        for space in NAMESPACES:
            if sum(map(len, self._true[space])):
                yield space, np.concatenate(self._true[space]), np.concatenate(self._claimed[space])


def _fitted(
    space: Namespace,
    labels: NDArray[np.bool_],
    claims: NDArray[np.float32],
    method: CalibrationMethod,
) -> Calibrator:
    try:
        return fit_calibrator(labels, claims, method)
    except EvaluationError as error:
        raise SearchError(f"{space.value}: {error}") from None


def _refuse_falling(calibrators: Mapping[Namespace, Calibrator], source: str) -> None:
    """A falling curve would make descendants more probable than ancestors."""
    for space, calibrator in calibrators.items():
        if isinstance(calibrator, PlattCalibrator) and not calibrator.slope >= 0:
            raise SearchError(
                f"{source}: in {space.value} what is more probable comes true less often (slope "
                f"{calibrator.slope:.3g}); calibrate on more proteins, or on others"
            )
