"""The fast sequence model: a packed pre-norm transformer with rotary positions and gated layers.

A distribution that ships a trained student declares its encoder by `shipped_student`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.student.options import ShippedOptions
    from multiprot.student.shipped import shipped_student

_MODULES: Final = {"ShippedOptions": "options", "shipped_student": "shipped"}

__all__ = ["ShippedOptions", "shipped_student"]

__getattr__ = lazy_names(__name__, _MODULES)
