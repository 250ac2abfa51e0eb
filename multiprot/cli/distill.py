"""`multiprot distill`: from a recipe with teachers to a student."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from multiprot.cli.pretrain import RunOptions, as_run_options, run_recipe
from multiprot.errors import ConfigError

if TYPE_CHECKING:
    from multiprot.config import ResolvedConfig
    from multiprot.training.config import PretrainConfig


@as_run_options
def distill(
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RECIPE [KEY=VALUE]...",
            help="A recipe file and values that replace its own. teachers=[STORE,STORE] names "
            "stores of vectors; student=ENCODER, or student.options.KEY=VALUE, is short for "
            "model.sequence.",
            show_default=False,
        ),
    ] = None,
    *,
    options: RunOptions,
) -> None:
    """Train a student on what teachers made of its proteins.

    Teachers are stores that `multiprot teach` or `multiprot embed` wrote, or models. Proteins are
    matched by their sequences; one that a teacher lacks is learnt from the others. Leaves what
    `multiprot pretrain` leaves.
    """
    run_recipe(resolve_distillation, settings or [], options)


def resolve_distillation(settings: Sequence[str]) -> ResolvedConfig[PretrainConfig]:
    """The recipe that `[RECIPE] [KEY=VALUE ...]` stands for.

    Raises
    ------
    ConfigError
        If it is wrong, or names no teacher.
    """
    from multiprot.cli.recipes import resolve_recipe

    resolved = resolve_recipe(with_student(settings))
    if not resolved.value.teachers:
        raise ConfigError(
            f"recipe {resolved.value.name}: no teachers; add teachers=[STORE], the folder of "
            "vectors that `multiprot embed` wrote, or run `multiprot pretrain`"
        )
    return resolved


def with_student(settings: Sequence[str]) -> list[str]:
    """`settings` in which the student is the model's sequence encoder."""
    return [_written_out(each) for each in settings]


def _written_out(setting: str) -> str:
    key, given, value = setting.partition("=")
    if not given or key.partition(".")[0] != "student":
        return setting
    plain = key == "student" and not value.lstrip().startswith("{")
    return f"model.sequence{key.removeprefix('student')}{'.name' if plain else ''}={value}"
