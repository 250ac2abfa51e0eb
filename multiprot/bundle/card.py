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
    provenance: Mapping[str, Any],
    *,
    model: Mapping[str, Any],
    versions: Mapping[str, str],
    usage: str | None = None,
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
    usage
        How to load it; None: as bundles are.
    """
    rest = dict(provenance)
    title = str(rest.pop("name", "multiprot model"))
    blocks = [f"# {title}", str(rest.pop("summary", _architecture(model)))]
    for key, heading in SECTIONS:
        blocks += [f"## {heading}", _rendered(rest.pop(key, None))]
    for key, value in rest.items():
        blocks += [f"## {_label(key).capitalize()}", _rendered(value)]
    blocks += ["## Made with", _rendered(versions), "## How to load", usage or _USAGE]
    return "\n\n".join(blocks) + "\n"


def _architecture(model: Mapping[str, Any]) -> str:
    parts = [
        f"{modality}: `{model[modality]['name']}`"
        for modality in ("sequence", "structure", "go")
        if model.get(modality)
    ]
    return f"A multiprot model with these encoders: {', '.join(parts) or 'none'}."


def _rendered(value: Any) -> str:
    if _is_nothing(value):
        return _NOT_RECORDED
    return "\n".join(_lines(value, "")) if _is_nested(value) else _scalar(value)


def _lines(value: Any, indent: str) -> list[str]:
    """A mapping or list as a table, where its entries have the same fields, or as a list."""
    rows = _table(value)
    if rows and not indent:
        return rows
    entries = value.items() if isinstance(value, Mapping) else (("", entry) for entry in value)
    lines = []
    for key, entry in entries:
        head = f"{indent}- {_label(key)}: " if key != "" else f"{indent}- "
        if _is_nested(entry) and not _is_nothing(entry):
            lines += [head.rstrip(), *_lines(entry, indent + "  ")]
        else:
            lines.append(head + _scalar(entry))
    return lines


def _table(value: Any) -> list[str]:
    """Rows of a Markdown table, or nothing where `value` is not two or more alike flat mappings."""
    named = isinstance(value, Mapping)
    rows = list(value.values()) if named else list(value)
    if len(rows) < 2 or not all(isinstance(row, Mapping) and row for row in rows):
        return []
    columns = list(rows[0])
    flat = all(list(row) == columns and not any(map(_is_nested, row.values())) for row in rows)
    if not flat:
        return []
    names = list(value) if named else [""] * len(rows)
    first = [""] if named else []
    lines = [_row([*first, *map(_label, columns)]), _row(["---"] * (len(first) + len(columns)))]
    for name, row in zip(names, rows, strict=True):
        lines.append(_row([*([str(name)] if named else []), *map(_scalar, row.values())]))
    return lines


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, Sequence) and not isinstance(value, str)
    )


def _is_nothing(value: Any) -> bool:
    return value is None or (hasattr(value, "__len__") and len(value) == 0)


def _label(key: object) -> str:
    return str(key).replace("_", " ")


def _scalar(value: Any) -> str:
    if _is_nothing(value):
        return "none"
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
