"""An encoder that does not claim the recipe's precision is refused before anything is built."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from multiprot.config import ResolvedConfig
from multiprot.data import Corpus
from multiprot.encoders.registry import Registry
from multiprot.errors import ConfigError
from multiprot.training.config import PretrainConfig
from multiprot.training.parts import build_parts
from multiprot.training.precision import refuse_unclaimed_precision
from tests.frozen_encoders import registry_with_guests

Recipe = Callable[..., ResolvedConfig[PretrainConfig]]

GUEST = "model.sequence={name: frozen-letters, options: {width: 8}}"
MIXED = "trainer.precision=bf16-mixed"


def check(recipe: Recipe, *overrides: str) -> None:
    refuse_unclaimed_precision(recipe(*overrides).value, registry_with_guests())


def test_an_unclaimed_precision_is_refused(recipe: Recipe, corpus: Corpus) -> None:
    says = "sequence encoder 'frozen-letters' works in fp32 only; set trainer.precision=32-true"
    with pytest.raises(ConfigError, match=says):
        build_parts(recipe(GUEST, MIXED).value, corpus, registry_with_guests())
    check(recipe, GUEST)


def test_claimed_ones_pass(recipe: Recipe) -> None:
    check(recipe, MIXED)


def test_cached_tokens_were_computed_elsewhere(recipe: Recipe) -> None:
    check(recipe, GUEST, MIXED, "token_cache.path=cache")
    check(recipe, GUEST, MIXED, "token_cache={path: cache, encoders: [sequence]}")
    with pytest.raises(ConfigError, match="frozen-letters"):
        check(recipe, GUEST, MIXED, "token_cache={path: cache, encoders: [structure]}")
    learning = "model.sequence={name: frozen-letters, options: {frozen: false}}"
    with pytest.raises(ConfigError, match="frozen-letters"):
        check(recipe, learning, MIXED, "token_cache.path=cache")


def test_every_installed_encoder_says_its_precisions(recipe: Recipe) -> None:
    config = recipe(MIXED).value
    refuse_unclaimed_precision(config, Registry.discover())
