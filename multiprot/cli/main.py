"""Entry point of the command line: arguments in, exit code out, every error one clear line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final

import typer

from multiprot.cli.verbs import VerbGroup
from multiprot.errors import MultiprotError

OK: Final = 0
UNEXPECTED: Final = 1
USER_ERROR: Final = 2
INTERRUPTED: Final = 130

app = typer.Typer(
    cls=VerbGroup,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        import multiprot

        print(f"multiprot {multiprot.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error. Works anywhere.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Protein vectors that fuse sequence, structure and Gene Ontology.

    Exit codes: 0 done, 2 wrong input or settings, 1 unexpected error, 130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments
        What follows the program's name; by default the process's own.

    Returns
    -------
    int
        0 done; 2 wrong usage, input or settings; 1 unexpected error; 130 interrupted.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug, given = _take_debug(given)
    try:
        code = _invoke(given or ["--help"])
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
        return UNEXPECTED
    except KeyboardInterrupt as stop:
        # A run that stopped by itself says where it stands, and which signal asked.
        code = 128 + getattr(stop, "signal_number", INTERRUPTED - 128)
        return _report(str(stop) or "interrupted", debug, code)
    except MultiprotError as error:
        return _report(f"error: {error}", debug, USER_ERROR)
    except Exception as error:
        message = " ".join(f"{type(error).__name__}: {error}".split())
        return _report(f"error: unexpected {message}; run with --debug for details", debug)
    return code


def _invoke(arguments: list[str]) -> int:
    command: Any = typer.main.get_command(app)
    try:
        with command.make_context("multiprot", arguments) as context:
            result = command.invoke(context)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as error:
        # typer has its own copy of click in new versions: wrong usage is told by what it offers.
        if not hasattr(error, "format_message"):
            raise
        where = getattr(getattr(error, "ctx", None), "command_path", "multiprot")
        message = error.format_message().rstrip(".")
        raise MultiprotError(f"{message[:1].lower()}{message[1:]}; see `{where} --help`") from None
    return result if isinstance(result, int) else OK


def _take_debug(arguments: list[str]) -> tuple[bool, list[str]]:
    """Find `--debug` anywhere before a `--`, and the arguments without it."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [argument for argument in arguments[:end] if argument != "--debug"]
    return len(kept) < end, kept + arguments[end:]


def _report(message: str, debug: bool, code: int = UNEXPECTED) -> int:
    if debug:
        import traceback

        traceback.print_exc()
    print(message, file=sys.stderr)
    return code


def _silence_stdout() -> None:
    """Let the interpreter's last flush go nowhere: the reader of the pipe has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
