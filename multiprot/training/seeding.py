"""Seeds that follow from where in a run one is, so that no random state has to be saved."""

from __future__ import annotations

import hashlib


def seed_at(*place: int | str) -> int:
    """A 63-bit seed that depends on every part of `place` and on nothing else.

    Parameters
    ----------
    *place
        For example the run's seed, a purpose ("dropout"), the batch's number and the process.
    """
    text = "/".join(f"{type(part).__name__}:{part}" for part in place)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
