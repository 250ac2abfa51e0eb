"""`multiprot data cache`: tokens of a recipe's frozen encoders, ahead of the run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from multiprot.errors import ConfigError

if TYPE_CHECKING:
    from multiprot.training.token_cache import CacheAccount


def cache(
    settings: Annotated[
        list[str],
        typer.Argument(
            metavar="RECIPE [KEY=VALUE]...",
            help="A recipe that `multiprot pretrain` takes, and values that replace its own, such "
            "as token_cache.path=CACHE.",
            show_default=False,
        ),
    ],
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Say how much room it takes, and compute nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Compute the residue tokens of a recipe's frozen encoders, once.

    May be killed at any time: the same command goes on where it stopped.
    """
    from multiprot.cli.recipes import resolve_recipe
    from multiprot.encoders.registry import Registry
    from multiprot.training.corpus import corpus_before_the_run
    from multiprot.training.parts import build_parts
    from multiprot.training.token_cache import estimate_caches, fill_caches

    config = resolve_recipe(settings).value
    if config.token_cache is None:
        raise ConfigError(
            f"recipe {config.name}: token_cache is null; add token_cache.path=FOLDER to the command"
        )
    registry = Registry.discover()
    with corpus_before_the_run(config.corpus) as corpus:
        parts = build_parts(config, corpus, registry)
        accounts = (estimate_caches if estimate else fill_caches)(config, parts, registry)
    _show(accounts, estimate=estimate, as_json=as_json)


def _show(accounts: list[CacheAccount], *, estimate: bool, as_json: bool) -> None:
    if as_json:
        print(json.dumps([account.to_json() for account in accounts], indent=1))
        return
    for account in accounts:
        done = f"{account.plan.proteins:,} proteins encoded; all are in {account.folder.path}"
        print(account if estimate else done)
