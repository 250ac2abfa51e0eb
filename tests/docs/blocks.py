"""The code blocks of a page, and what is to be done with each.

========================================  ======================================================
block                                     meaning
========================================  ======================================================
```bash                                   commands; all must succeed
```console                                lines after "$ " are commands, the others what they
                                          print, errors included ("..." stands for anything)
```python                                 executed; one namespace per page
```text after <!-- output -->             what the block before printed ("..." as above)
```text                                   read, not compared
```{code-block} LANGUAGE with :caption:   a file of that name, in the page's folder
any, after <!-- not executed: REASON -->  left alone
========================================  ======================================================

sybil finds the fences; a page is one test, because under xdist its blocks must stay together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from sybil import Document
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

Role = Literal["bash", "console", "python", "output", "file", "text", "skipped", "directive"]

DOCS: Final = Path(__file__).parents[2] / "docs"
ROOT: Final = DOCS.parent

_LEXER: Final = RawFencedCodeBlockLexer(re.compile(r"(?P<info>[^\n]*)\n"))
_COMMENT: Final = re.compile(r"<!--\s*(?P<text>[^>]*?)\s*-->\s*\Z")
_CAPTION: Final = re.compile(r"\A:caption:[ \t]*(?P<name>\S+)[ \t]*\n\n?")
_NOT_EXECUTED: Final = "not executed:"
_OUTPUT: Final = "output"
_PLAIN: Final = ("bash", "console", "python", "text")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Attributes
    ----------
    page
        Where it stands.
    line
        Of its opening fence, 1-based.
    role
        What is done with it.
    source
        Its text.
    argument
        File name of a file, reason of a skipped block, name of a directive; else empty.
    """

    page: Path
    line: int
    role: Role
    source: str
    argument: str = ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


class UnknownBlockError(Exception):
    """A block of which the rules do not say what to do with it."""


def pages() -> list[Path]:
    """The pages that people write: the documentation, README and CONTRIBUTING."""
    written = [
        path
        for path in sorted(DOCS.rglob("*.md"))
        if not {"_build", "generated"} & set(path.relative_to(DOCS).parts)
    ]
    return [*written, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    document = Document(page.read_text(encoding="utf-8"), str(page))
    found = sorted(_LEXER(document), key=lambda region: region.start)
    return [
        _block(
            page,
            document.text[: region.start],
            region.lexemes["info"].strip(),
            str(region.lexemes["source"]),
        )
        for region in found
    ]


def _block(page: Path, before: str, info: str, source: str) -> Block:
    line = before.count("\n") + 1
    comment = _COMMENT.search(before)
    said = comment["text"] if comment else ""
    if said.startswith(_NOT_EXECUTED):
        return Block(page, line, "skipped", source, said.removeprefix(_NOT_EXECUTED).strip())
    if said == _OUTPUT and info == "text":
        return Block(page, line, "output", source)
    caption = _CAPTION.match(source)
    if info.startswith("{code-block}") and caption:
        return Block(page, line, "file", source[caption.end() :], caption["name"])
    if info.startswith("{") and not info.startswith("{code"):
        return Block(page, line, "directive", source, info)
    if info not in _PLAIN:
        raise UnknownBlockError(
            f"{page}:{line}: block {info!r}: use {', '.join(_PLAIN)}, give it a caption (a file), "
            f"or say why not above it: <!-- {_NOT_EXECUTED} REASON -->"
        )
    return Block(page, line, info, source)  # type: ignore[arg-type]  # one of _PLAIN
