"""Shape of the model and of the step, and the constants of the objectives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

IGNORED: Final = -100
HIDDEN_SHARE: Final = 0.15
HIDDEN_RESIDUE: Final = 1e-3
HIDDEN_TERM: Final = 2e-3
FOCUS: Final = 2.0
TAGGINGS: Final = ("motif", "domain", "region")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainMassaConfig:
    """Shape of the model and of the step; the defaults are MASSA's."""

    sequence_dim: int = 768
    width: int = 512
    positions: int = 1022
    conv_layers: int = 3
    conv_kernel: int = 7
    conv_dropout: float = 0.3
    node_vectors: int = 16
    edge_scalars: int = 32
    edge_vectors: int = 1
    gvp_layers: int = 2
    message_gvps: int = 3
    gvp_dropout: float = 0.4
    neighbours: int = 30
    heads: int = 8
    inner: int = 2048
    fusion_layers: int = 4
    dropout: float = 0.1
    go_dim: int = 64
    go_width: int = 128
    go_heads: int = 4
    go_inner: int = 512
    go_layers: int = 3
    decoder_layers: int = 3
    residue_classes: int = 21
    go_classes: int = 18_438
    motif_classes: int = 336
    domain_classes: int = 2_065
    region_classes: int = 422
    batch: int = 4
    lr: float = 1e-4
    weight_decay: float = 1e-4
    seed: int = 0
