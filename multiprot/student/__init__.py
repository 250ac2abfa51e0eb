"""The fast sequence model: a packed pre-norm transformer with rotary positions and gated layers.

Distributions that bring the weights of a student build their encoder by these names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.student.encoder import StudentEncoder, build_encoder
    from multiprot.student.options import StudentOptions

_MODULES: Final = {
    "StudentEncoder": "encoder",
    "StudentOptions": "options",
    "build_encoder": "encoder",
}

__all__ = ["StudentEncoder", "StudentOptions", "build_encoder"]

__getattr__ = lazy_names(__name__, _MODULES)
