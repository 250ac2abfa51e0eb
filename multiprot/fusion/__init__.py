"""How sequence, structure and GO meet: cross-attention, pooling, projection.

The settings (`FusionConfig`, `ModelConfig`) are importable without torch; the rest is resolved
when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiprot.fusion.config import FusionConfig, ModelConfig
from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.fusion.build import build_model
    from multiprot.fusion.model import FusionModel

__all__ = ["FusionConfig", "FusionModel", "ModelConfig", "build_model"]

__getattr__ = lazy_names(__name__, {"FusionModel": "model", "build_model": "build"})
