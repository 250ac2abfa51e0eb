"""The verbs of `multiprot` and where each one lives; a verb's module is imported when asked for."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable
from typing import Any, Final

import typer
from typer.core import TyperGroup

VERBS: Final = {
    "pretrain": "Train a model on sequences, structures and GO annotations.",
    "teach": "Write the vectors of a recipe's teachers, once.",
    "distill": "Train a student on what teachers made of its proteins.",
    "embed": "Turn proteins into vectors.",
    "verify": "Prove that a protein's vector does not depend on its company.",
    "export": "Write vectors as HDF5, npz, CSV or AnnData; a student for transformers or ONNX.",
    "tasks": "List benchmark tasks and check them: columns, labels, balance, leaks.",
    "evaluate": "Compare what models' vectors are worth on tasks.",
    "fidelity": "Measure how much of its teachers a student keeps, and write its card.",
    "report": "Write one web page of scores, maps, curves and matrices.",
    "transfer": "Measure where a representation will serve: OTFRM and its companions.",
    "finetune": "Fit a model to a task, with a head that predicts.",
    "predict": "Predict what a model was fine-tuned on.",
    "search": "Find nearest neighbours in an embedding store, and GO terms that they pass on.",
    "annotate": "Name the GO terms of proteins with probabilities, or the proteins of a GO term.",
    "data": "Build a training corpus, look into one, encode it once with frozen encoders.",
    "inspect": "Account for every residue of structure files.",
    "config": "Show a resolved recipe, or the JSON schema of recipes.",
    "plugins": "List, show, check and begin encoders and objectives.",
}
"""Name and summary of each verb, in the order of the help page.

Verb `v` lives in `multiprot/cli/v.py`, either as a typer app called `app` or as a function `v`.
"""


class VerbGroup(TyperGroup):
    """A command group that knows its verbs by name and imports none of them for `--help`."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all verbs."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb's command, freshly imported, or None if there is no such verb."""
        return load_verb(cmd_name) if cmd_name in VERBS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the verb that the arguments begin with; an unknown one is answered with a guess."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            guess = difflib.get_close_matches(args[0], VERBS, n=1)
            hint = f"did you mean {guess[0]!r}?" if guess else f"known: {', '.join(VERBS)}"
            ctx.fail(f"no such verb {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the verbs' summaries without importing their modules."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


def load_verb(name: str) -> Any:
    """Import a verb's module and make its command."""
    module = importlib.import_module(f"multiprot.cli.{name}")
    app = getattr(module, "app", None)
    if not isinstance(app, typer.Typer):
        app = _single(getattr(module, name))
    command = typer.main.get_command(app)
    command.name = name
    return command


def _single(function: Callable[..., Any]) -> typer.Typer:
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    # numpydoc sections are for readers of the source; options carry their own help.
    summary = (inspect.getdoc(function) or "").split("\n\nParameters\n")[0]
    app.command(help=summary, context_settings={"help_option_names": ["-h", "--help"]})(function)
    return app
