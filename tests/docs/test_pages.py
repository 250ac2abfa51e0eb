"""Every code block of every page does what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block, blocks, pages
from tests.docs.runner import PageRunner

EXECUTED = ("bash", "console", "python", "file")


def executed(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.role in EXECUTED]


def put_input(folder: Path) -> None:
    """The reader's own proteins, which some pages take for granted."""
    from multiprot.proteins import write_fasta, write_structure
    from multiprot.testing import example_records

    helix, *others = example_records()
    write_fasta(others, folder / "proteins.fasta")
    (folder / "structures").mkdir()
    write_structure(helix, folder / "structures" / "helix.cif")


@pytest.mark.parametrize(
    "page",
    [page for page in pages() if executed(page)],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_code_blocks_run(page: Path, workplace: Path) -> None:
    if page.name in ("README.md", "your-own-encoder.md"):
        put_input(workplace)
    runner = PageRunner(workplace)
    for block in blocks(page):
        runner.run(block)


def test_skipped_blocks_say_why() -> None:
    skipped = [block for page in pages() for block in blocks(page) if block.role == "skipped"]
    assert all(len(block.argument.split()) >= 3 for block in skipped), skipped
    run = sum(len(executed(page)) for page in pages())
    assert run > 3 * len(skipped), f"{run} blocks run, {len(skipped)} do not"


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_an_output_follows_what_printed_it(page: Path) -> None:
    previous = None
    for block in blocks(page):
        if block.role == "output":
            assert previous in ("bash", "python"), f"{block}: output of what?"
        previous = block.role


def test_every_page_is_linked() -> None:
    linked = "\n".join(
        block.source for page in pages() for block in blocks(page) if "toctree" in block.argument
    ).split()
    names = {Path(name).name for name in linked}
    written = {page.stem for page in pages() if page.is_relative_to(ROOT / "docs")}
    folders = {page.parent.name for page in pages() if page.stem == "index"}
    assert written - names - {"index"} == set()
    assert folders - {"docs"} <= {Path(name).parent.name for name in linked}
