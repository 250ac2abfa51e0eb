"""No export without a card: read one, and hold it against what is to be exported."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from multiprot.errors import FidelityError
from multiprot.fidelity.card import FORMAT, FORMAT_VERSION, FidelityCard
from multiprot.files import read_bytes

CARD: Final = "fidelity.json"
PAGE: Final = "fidelity.html"

_SHOWN: Final = 12
"""Hex digits of a hash in a message."""


def read_card(card: Path) -> FidelityCard:
    """A card that `multiprot fidelity` wrote.

    Parameters
    ----------
    card
        The file fidelity.json, or the folder it lies in.

    Raises
    ------
    FidelityError
        If there is none, or it is damaged or of another version.
    """
    path = card / CARD if card.is_dir() else card
    if not path.is_file():
        raise FidelityError(
            f"{path}: no fidelity card; make one with `multiprot fidelity STUDENT --teacher "
            f"TEACHER --proteins FASTA --tasks FOLDER --out {path.parent}`"
        )
    try:
        found = FidelityCard.model_validate_json(read_bytes(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise FidelityError(
            f"{path}: {place}: {first['msg']}; it is no {FORMAT} that this multiprot reads, make "
            "it again with `multiprot fidelity`"
        ) from None
    if not 1 <= found.format_version <= FORMAT_VERSION:
        raise FidelityError(
            f"{path}: format version {found.format_version}, this multiprot reads 1 to "
            f"{FORMAT_VERSION}; upgrade multiprot, or make the card again"
        )
    return found


def require_fidelity(
    card: Path, student_hash: str, min_retained: float | None = None
) -> FidelityCard:
    """Let a student pass whose card is there and good enough.

    Parameters
    ----------
    card
        The file fidelity.json, or the folder it lies in.
    student_hash
        Content hash of the student that is to be exported, `Embedder.model.identity.content_hash`;
        `multiprot.fidelity.student_hash` finds it.
    min_retained
        Least share of every teacher's gain over random weights that the student must retain;
        None: the card must be there, whatever it says.

    Returns
    -------
    FidelityCard
        What the card says.

    Raises
    ------
    FidelityError
        If the card is missing or damaged, is another model's, or the share is below the bar or
        could not be measured; says which, with the values.
    """
    found = read_card(card)
    if found.student.content_hash != student_hash:
        raise FidelityError(
            f"{card}: is the card of {found.student.name} "
            f"({found.student.content_hash[:_SHOWN]}…), not of the student that is given "
            f"({student_hash[:_SHOWN]}…); make its own with `multiprot fidelity`"
        )
    if min_retained is not None:
        refuse_below(found, min_retained, str(card))
    return found


def refuse_below(card: FidelityCard, min_retained: float, owner: str) -> None:
    """Raise `FidelityError` unless the student retains as much of every teacher.

    Parameters
    ----------
    card
        What was measured.
    min_retained
        The bar.
    owner
        Where the card lies, for messages.
    """
    for teacher in card.teachers:
        share = teacher.retained.share
        if share is None or share.value is None:
            why = teacher.retained.why or "its share is undefined"
            raise FidelityError(
                f"{owner}: what {card.student.name} retains of {teacher.model.name} could not be "
                f"measured ({why}), and at least {min_retained:g} is asked for"
            )
        if share.value < min_retained:
            raise FidelityError(
                f"{owner}: {card.student.name} retains {share.value:.3f} of what "
                f"{teacher.model.name} gains over random weights, less than {min_retained:g}; "
                "train it longer or larger, or ask for less with --min-retained"
            )
