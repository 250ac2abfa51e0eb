"""How sequence, structure and GO meet: cross-attention, pooling, projection.

The settings (`FusionConfig`, `ModelConfig`) are importable without torch; the rest is resolved
when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiprot.fusion.config import FusionConfig, ModelConfig

if TYPE_CHECKING:
    from multiprot.fusion.build import build_model
    from multiprot.fusion.model import FusionModel

__all__ = ["FusionConfig", "FusionModel", "ModelConfig", "build_model"]


def __getattr__(name: str) -> Any:
    if name == "FusionModel":
        from multiprot.fusion.model import FusionModel

        return FusionModel
    if name == "build_model":
        from multiprot.fusion.build import build_model

        return build_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
