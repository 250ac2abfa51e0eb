"""Settings of where shards are computed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from multiprot.config import Section


class EngineOptions(Section):
    """Where the work is done."""

    engine: Literal["local", "ray"] = "local"
    """"local": processes on this machine; "ray": a Ray cluster (extra `multiprot[ray]`)."""
    workers: int = Field(default=0, ge=0)
    """Processes that compute, one for each GPU with --device cuda; 0: this one does."""
    worker_timeout: float = Field(default=900.0, gt=0)
    """Seconds of silence after which a worker counts as hung and is replaced."""
