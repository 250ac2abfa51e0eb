"""What a user points at, as rows in a fixed order: any amount, in bounded memory.

Names are loaded at first use: helper processes import one module of this folder and little more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.embedding.reading.reader import InputReader
    from multiprot.embedding.reading.rows import InputRow

__all__ = ["InputReader", "InputRow"]

_HOMES: Final = {"InputReader": "reader", "InputRow": "rows"}

__getattr__ = lazy_names(__name__, _HOMES)
