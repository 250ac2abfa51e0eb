"""What makes two proteins the same: hashes of a sequence, of a record and of many."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from multiprot.proteins import ProteinRecord


def sequence_hash(sequence: str) -> str:
    """The refget digest of a sequence: base64url of the first 24 bytes of its SHA-512.

    32 characters, the GA4GH's sha512t24u (Yates et al. 2022, doi:10.1093/bioinformatics/btab524),
    so that a row is found again by the sequence in any tool.
    """
    digest = hashlib.sha512(sequence.encode("ascii")).digest()[:24]
    return base64.urlsafe_b64encode(digest).decode("ascii")


def record_digest(record: ProteinRecord, *, with_structure: bool) -> bytes:
    """24 bytes that differ where what a model sees of two records differs; ids do not count.

    Parameters
    ----------
    record
        The protein.
    with_structure
        Whether its structure is looked at.
    """
    digest = hashlib.sha512(record.sequence.encode("ascii"))
    structure = record.structure if with_structure else None
    if structure is not None:
        for array in (
            structure.coordinates,
            structure.present,
            structure.chain_breaks,
            structure.confidence,
        ):
            digest.update(array.tobytes())
        digest.update(str(structure.confidence_kind).encode())
    return digest.digest()[:24]


def combined_hash(parts: Iterable[bytes]) -> str:
    """SHA-256, in hex, of byte strings one after another, each with its length before it."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()
