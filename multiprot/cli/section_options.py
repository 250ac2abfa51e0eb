"""A command's options made from a config section, so that each is declared and described once."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from multiprot.config import Section
from multiprot.errors import ConfigError


def with_section_options(
    section: type[Section],
    *,
    parameter: str = "options",
    renamed: Mapping[str, str] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Replace a parameter of a command by one command line option per field of `section`.

    Parameters
    ----------
    section
        Fields must be plain: texts, numbers, paths, flags, literals, tuples of texts, and these or
        None. Their docstrings become the help, their names the options' names.
    parameter
        Name of the command's parameter that gets the section.
    renamed
        Field -> option, where the name differs, for example "--task" for a field `tasks`.

    Raises
    ------
    ConfigError
        When the command runs, if the section refuses the values; names the option.
    """
    spelled = {
        name: (renamed or {}).get(name, f"--{name.replace('_', '-')}")
        for name in section.model_fields
    }

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**given: Any) -> None:
            values = {
                name: value
                for name in section.model_fields
                if (value := given.pop(name)) is not None
            }
            try:
                options = section(**values)
            except ValidationError as error:
                raise ConfigError(_message(error, spelled)) from None
            command(**{parameter: options}, **given)

        parameters = list(_parameters(command, section, parameter, spelled))
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def _parameters(
    command: Callable[..., None], section: type[Section], replaced: str, spelled: Mapping[str, str]
) -> Iterator[inspect.Parameter]:
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        if name == replaced:
            for field, info in section.described().model_fields.items():
                yield _option(field, info, spelled[field])
        else:
            yield parameter.replace(annotation=hints[name], kind=parameter.KEYWORD_ONLY)


def _option(name: str, info: FieldInfo, option: str) -> inspect.Parameter:
    kind = _command_line_type(info.annotation)
    default = None if kind == list[str] | None else info.default
    annotation: Any = Annotated[kind, typer.Option(option, help=info.description)]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _command_line_type(annotation: Any) -> Any:
    """What typer shall parse; the section itself checks ranges and choices."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _command_line_type(parts[0])
    if origin is Literal:
        return str
    if origin is tuple:
        return list[str] | None
    if origin in (Union, types.UnionType):
        (kind,) = (part for part in parts if part is not types.NoneType)
        return _command_line_type(kind) | None
    return annotation


def _message(error: ValidationError, spelled: Mapping[str, str]) -> str:
    finding = error.errors()[0]
    message = finding["msg"].removeprefix("Value error, ")
    if not finding["loc"]:
        return message
    option = spelled[str(finding["loc"][0])]
    return f"{option} {finding['input']}: {message[:1].lower()}{message[1:]}"
