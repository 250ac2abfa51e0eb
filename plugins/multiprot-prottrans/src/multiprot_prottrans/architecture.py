"""The shape of a model: from a checkpoint folder, from options, or as a saved model tells it.

No torch, so that `multiprot plugins` can tell a checkpoint's capabilities quickly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from multiprot.errors import PluginError
from multiprot_prottrans.family import Family
from multiprot_prottrans.options import ProtTransOptions
from multiprot_prottrans.shape import SHAPES, Shape
from multiprot_prottrans.token_files import read_json, read_tokens
from multiprot_prottrans.vocabulary import Vocabulary

T5_RESIDUES: Final = 4096
"""Longest protein of a T5 where nothing is said. Its positions are relative and set no limit, but
it keeps a number for each head and pair of residues: with 32 heads 2.1 GB at this length, 200 GB
at 40,000 residues."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """What is needed to build the model without its weights.

    Attributes
    ----------
    family
        Its conventions.
    shape
        Its sizes.
    vocabulary
        Token ids.
    max_residues
        Longest protein.
    weights_license
        SPDX id stated for the weights it was started from, or None.
    """

    family: Family
    shape: Shape
    vocabulary: Vocabulary
    max_residues: int
    weights_license: str | None

    def to_json(self) -> dict[str, Any]:
        """Plain values from which `resolve` makes the same architecture."""
        return {
            "shape": self.shape.model_dump(mode="json"),
            "vocabulary": self.vocabulary.model_dump(mode="json"),
            "weights_license": self.weights_license,
        }


def resolve(family: Family, options: ProtTransOptions) -> Architecture:
    """The architecture that `options` ask for.

    Raises
    ------
    PluginError
        If the checkpoint folder, its config.json or its vocabulary is missing or is no such
        model's, or `max_residues` is more than the model has positions for.
    """
    license_: str | None = None
    if options.checkpoint is not None:
        source = str(options.checkpoint)
        shape, vocabulary, license_ = _read(family, options, Path(options.checkpoint))
    elif options.architecture is not None:
        source = f"{family.name}: option architecture"
        shape, vocabulary, license_ = _recorded(family, options.architecture, source)
    else:
        source = "the model from scratch"
        shape, vocabulary = _from_scratch(family, options)
    if options.dropout is not None:
        shape = shape.with_dropout(options.dropout)
    if vocabulary.highest >= shape.vocab_size:
        raise PluginError(
            f"{source}: the vocabulary goes up to id {vocabulary.highest}, but the model embeds "
            f"only {shape.vocab_size} tokens (vocab_size); the files belong to different models"
        )
    limit = _max_residues(family, options.max_residues, shape, source)
    return Architecture(family, shape, vocabulary, limit, license_)


def _prefix(options: ProtTransOptions) -> str | None:
    prefix: str | None = getattr(options, "prefix", None)
    return prefix


def _from_scratch(family: Family, options: ProtTransOptions) -> tuple[Shape, Vocabulary]:
    prefix = _prefix(options)
    # A model that is still to learn can learn any prefix: the token is added for it.
    more = [prefix] if prefix and prefix not in family.tokens else []
    tokens = {token: number for number, token in enumerate([*family.tokens, *more])}
    shape = SHAPES[family.kind].from_scratch(family, options, len(tokens))
    return shape, Vocabulary.of(tokens, family, prefix, "the vocabulary from scratch")


def _read(family: Family, options: ProtTransOptions, folder: Path) -> tuple[Shape, Vocabulary, str]:
    if not folder.is_dir():
        raise PluginError(
            f"{family.name}: checkpoint {folder} is not a folder; download one with `hf download "
            f"{family.example} --local-dir FOLDER` (nothing is fetched here)"
        )
    shape = _read_shape(family, folder)
    tokens = read_tokens(folder, family.kind, family.name)
    vocabulary = Vocabulary.of(tokens, family, _prefix(options), str(folder))
    prefixed = family.prefix in tokens
    return shape, vocabulary, family.prefixed_license if prefixed else family.weights_license


def _read_shape(family: Family, folder: Path) -> Shape:
    path = folder / "config.json"
    if not path.is_file():
        raise PluginError(f"{family.name}: {folder} has no config.json; is it a whole checkpoint?")
    found = read_json(path)
    kind = found.get("model_type") if isinstance(found, dict) else None
    if kind != family.kind:
        raise PluginError(
            f"{path}: model_type {kind!r}; {family.name} needs a model of type {family.kind!r}, "
            f"such as {family.example}"
        )
    if found.get("position_embedding_type", "absolute") != "absolute":
        raise PluginError(
            f"{path}: position_embedding_type {found['position_embedding_type']!r}; only learned "
            "absolute positions, as ProtBert has, are known here"
        )
    fields = SHAPES[family.kind].model_fields
    try:
        shape = SHAPES[family.kind].model_validate({k: found[k] for k in fields if k in found})
    except ValidationError as error:
        raise PluginError(f"{path}: {_first(error)}; download it again") from None
    if shape.gated != family.gated:
        # The nearest thing to a name in config.json: with the other family's letters the tokens
        # would be wrong without anybody noticing.
        raise PluginError(
            f"{path}: the feed-forward is {'' if shape.gated else 'not '}gated, but that of "
            f"{family.name} is {'' if family.gated else 'not '}so; prott5 reads ProtT5 and "
            "ProstT5, ankh reads Ankh"
        )
    return shape


def _recorded(
    family: Family, told: Mapping[str, Any], source: str
) -> tuple[Shape, Vocabulary, str | None]:
    advice = "it is written by a saved model, leave it out"
    unknown = sorted(set(told) ^ {"shape", "vocabulary", "weights_license"})
    if unknown:
        raise PluginError(f"{source} lacks or has too much: {unknown[0]!r}; {advice}")
    try:
        shape = SHAPES[family.kind].model_validate(told["shape"])
        vocabulary = Vocabulary.model_validate(told["vocabulary"])
    except ValidationError as error:
        raise PluginError(f"{source}: {_first(error)}; {advice}") from None
    license_ = told["weights_license"]
    return shape, vocabulary, None if license_ is None else str(license_)


def _first(error: ValidationError) -> str:
    """The first complaint of pydantic, in one line."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    text = first["msg"].removeprefix("Value error, ")
    return f"{place} is {first.get('input')!r}: {text}"[:300] if place else text


def _max_residues(family: Family, wanted: int | None, shape: Shape, source: str) -> int:
    if shape.positions is None:
        return wanted or T5_RESIDUES
    # [CLS] and [SEP] take a position each.
    room = shape.positions - 2
    if wanted is not None and wanted > room:
        raise PluginError(
            f"{family.name}: max_residues {wanted} is more than the {room} that {source} has "
            "learned positions for; window longer proteins"
        )
    return wanted or room
