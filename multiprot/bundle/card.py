"""The model card: what a bundle's provenance says, in Markdown for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

SECTIONS: Final = (
    ("corpus", "What it was trained on"),
    ("exclusions", "What was left out"),
    ("splits", "Splits"),
    ("go", "Gene Ontology"),
    ("training", "How it was trained"),
    ("metrics", "Results"),
    ("licence", "Licence"),
    ("sources", "Sources"),
    ("limits", "Limits"),
)
"""Keys of the provenance that every card shows, with their headings; a missing one is said so."""

_NOT_RECORDED: Final = "Not recorded."


def render_card(
    provenance: Mapping[str, Any], *, model: Mapping[str, Any], versions: Mapping[str, str]
) -> str:
    """The model card.

    Parameters
    ----------
    provenance
        Plain JSON data. `name` and `summary` head the card; the keys of `SECTIONS` become its
        sections, and what else there is comes last, so that nothing recorded is left out.
    model
        The model's config, as plain data.
    versions
        Software it was made with, name to version.
    """
    rest = dict(provenance)
    title = str(rest.pop("name", "multiprot model"))
    blocks = [f"# {title}", str(rest.pop("summary", _architecture(model)))]
    for key, heading in SECTIONS:
        blocks += [f"## {heading}", _rendered(rest.pop(key, None))]
    for key, value in rest.items():
        blocks += [f"## {_label(key).capitalize()}", _rendered(value)]
    blocks += ["## Made with", _rendered(versions), "## How to load", _USAGE]
    return "\n\n".join(blocks) + "\n"


def _architecture(model: Mapping[str, Any]) -> str:
    parts = [
        f"{modality}: `{model[modality]['name']}`"
        for modality in ("sequence", "structure", "go")
        if model.get(modality)
    ]
    return f"A multiprot model with these encoders: {', '.join(parts) or 'none'}."


def _rendered(value: Any, indent: str = "") -> str:
    if value is None or value == {} or value == [] or value == "":
        return f"{indent}{_NOT_RECORDED}"
    if isinstance(value, Mapping):
        return "\n".join(_item(f"{_label(key)}:", entry, indent) for key, entry in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n".join(_item("", entry, indent) for entry in value)
    return f"{indent}{_scalar(value)}"


def _item(label: str, value: Any, indent: str) -> str:
    nested = isinstance(value, Mapping) or (
        isinstance(value, Sequence) and not isinstance(value, str)
    )
    if nested and value:
        return f"{indent}- {label}\n{_rendered(value, indent + '  ')}"
    text = "not recorded" if value is None or (nested and not value) else _scalar(value)
    return f"{indent}- {label} {text}".replace("-  ", "- ", 1)


def _label(key: object) -> str:
    return str(key).replace("_", " ")


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return " ".join(str(value).split())


_USAGE: Final = """\
```bash
multiprot embed proteins.fasta --model THIS_FOLDER --out vectors
```

```python
from multiprot.embedding import Embedder
from multiprot.proteins import read_fasta

embeddings = Embedder.from_bundle("THIS_FOLDER").embed(read_fasta("proteins.fasta"))
```"""
