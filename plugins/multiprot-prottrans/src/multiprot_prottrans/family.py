"""What distinguishes ProtT5, ProtBert and Ankh from each other. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

_SENTINELS: Final = tuple(f"<extra_id_{number}>" for number in range(99, -1, -1))

PROTT5_TOKENS: Final = (
    *("<pad>", "</s>", "<unk>"),
    *(f"▁{letter}" for letter in "ALGVSREDTIPKFQNYMHWCXBOUZ"),
    *_SENTINELS,
)
"""The 128 tokens of ProtT5-XL; a token's position is its id."""

PROTBERT_TOKENS: Final = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *"LAGVESIKRDTPNQFYMHCWXUBZO",
)
"""The 30 tokens of ProtBert and ProtBert-BFD; a token's position is its id."""

_RARE_AS_X: Final = MappingProxyType(dict.fromkeys("UZOBJ", "X"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The conventions of one family of models.

    Attributes
    ----------
    name
        Of the plugin, for errors.
    kind
        `model_type` in config.json: which class of transformers it is.
    example
        A released model, for advice.
    tokens
        The vocabulary of a model made from scratch.
    pad, end, mask
        Special tokens: padding, behind each protein, in the place of a hidden residue.
    begin
        Special token before each protein, or None.
    prefix
        Token that some members of the family want before each protein, or None.
    shown_as
        Letters that the authors replaced before training, and by what.
    weights_license
        SPDX id that the authors state for the released weights.
    prefixed_license
        The same for members that have the token `prefix`.
    lora_targets
        Layers that adapters sit beside where the user names none.
    gated
        Whether the feed-forward is gated.
    distance_buckets
        Classes of distance along the chain in a T5 made from scratch.
    """

    name: str
    kind: Literal["t5", "bert"]
    example: str
    tokens: tuple[str, ...]
    pad: str
    end: str
    mask: str
    begin: str | None
    prefix: str | None
    shown_as: Mapping[str, str]
    weights_license: str
    prefixed_license: str
    lora_targets: tuple[str, ...]
    gated: bool = False
    distance_buckets: int = 32


PROTT5: Final = Family(
    name="prott5",
    kind="t5",
    example="Rostlab/prot_t5_xl_half_uniref50-enc",
    tokens=PROTT5_TOKENS,
    pad="<pad>",
    end="</s>",
    mask="<extra_id_0>",
    begin=None,
    prefix="<AA2fold>",
    shown_as=_RARE_AS_X,
    weights_license="AFL-3.0",
    prefixed_license="MIT",
    lora_targets=("q", "v"),
)
"""ProtT5 (Elnaggar et al. 2021) and ProstT5 (Heinzinger et al. 2024)."""

PROTBERT: Final = Family(
    name="protbert",
    kind="bert",
    example="Rostlab/prot_bert",
    tokens=PROTBERT_TOKENS,
    pad="[PAD]",
    end="[SEP]",
    mask="[MASK]",
    begin="[CLS]",
    prefix=None,
    shown_as=_RARE_AS_X,
    weights_license="AFL-3.0",
    prefixed_license="AFL-3.0",
    lora_targets=("query", "value"),
)
"""ProtBert and ProtBert-BFD (Elnaggar et al. 2021)."""

ANKH: Final = Family(
    name="ankh",
    kind="t5",
    example="ElnaggarLab/ankh-base",
    tokens=tuple(token.removeprefix("▁") for token in PROTT5_TOKENS),
    pad="<pad>",
    end="</s>",
    mask="<extra_id_0>",
    begin=None,
    prefix="[NLU]",
    shown_as=MappingProxyType({}),
    weights_license="CC-BY-NC-SA-4.0",
    prefixed_license="CC-BY-NC-SA-4.0",
    lora_targets=("q", "v"),
    gated=True,
    distance_buckets=64,
)
"""Ankh and Ankh2 (Elnaggar et al. 2023), Ankh3 (Alsamkary et al. 2025)."""
