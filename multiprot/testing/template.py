"""Begins a plugin: a package with a small working encoder, its tests and a recipe."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from typing import Final

from multiprot.encoders.plugin import Modality
from multiprot.encoders.registry import ENCODER_GROUPS, Registry
from multiprot.errors import PluginError
from multiprot.files import atomic_folder

PLACEHOLDER: Final = "template-encoder"
"""The name that the template goes by."""

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def write_template(name: str, modality: str, out: Path | None = None) -> Path:
    """Write the package `multiprot-NAME`, ready to be installed and to pass its tests.

    Parameters
    ----------
    name
        The encoder's name: lower-case words joined by hyphens.
    modality
        "sequence", "structure" or "go".
    out
        The folder to make; None: ``multiprot-NAME`` in the working directory.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    PluginError
        If the name cannot be one, is taken, or there is no such modality.
    OutputExistsError
        If the folder is there already and holds anything.
    """
    source = template_folder() / _checked_modality(modality)
    _check_name(name, Modality(modality))
    words = _words(name)
    folder = Path(f"multiprot-{name}") if out is None else out
    with atomic_folder(folder) as made:
        for file in sorted(path for path in source.rglob("*") if _ships(path)):
            target = made / _renamed(file.relative_to(source).as_posix(), words)
            target.parent.mkdir(parents=True, exist_ok=True)
            text = _renamed(file.read_text(encoding="utf-8"), words)
            target.write_text(text, encoding="utf-8")
    return folder


def template_folder() -> Path:
    """Where the templates lie: in the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    shipped = package / "testing" / "templates"
    return shipped if shipped.is_dir() else package.parent / "plugins" / "multiprot-template"


def _ships(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts and not path.name.endswith(".pyc")


def _checked_modality(modality: str) -> str:
    kinds = [kind.value for kind in Modality]
    if modality not in kinds:
        raise PluginError(f"no modality {modality!r}; say one of {', '.join(kinds)}")
    return modality


def _check_name(name: str, modality: Modality) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise PluginError(
            f"{name!r} cannot be the name of an encoder; use lower-case words joined by hyphens, "
            "for example my-encoder"
        )
    if name in Registry.discover().names(ENCODER_GROUPS[modality]):
        raise PluginError(f"a {modality} encoder {name!r} is installed already; take another name")


def _words(name: str) -> dict[str, str]:
    """The placeholder's spellings and what stands in their place: text, identifier, class."""
    return {spelling(PLACEHOLDER): spelling(name) for spelling in (str, _identifier, _class_name)}


def _identifier(name: str) -> str:
    return name.replace("-", "_")


def _class_name(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))


def _renamed(text: str, words: dict[str, str]) -> str:
    for old, new in words.items():
        text = text.replace(old, new)
    return text
