"""The newcomer's path stays as short as promised."""

from __future__ import annotations

from tests.docs.blocks import DOCS, blocks

MOST_LINES = 40


def test_at_most_forty_lines_are_changed() -> None:
    """Added and removed lines of the patch, and both sides of the corrected claim."""
    page = blocks(DOCS / "tutorial" / "your-own-encoder.md")
    (patch,) = (block.source for block in page if block.argument == "angles.patch")
    lines = patch.splitlines()
    changed = [x for x in lines if x[:1] in "+-" and x[:3] not in ("+++", "---") and x]
    edits = sum(block.source.count("sed -i") for block in page)
    assert 10 < len(changed) + 2 * edits <= MOST_LINES
    assert f"You changed {len(changed) + edits} lines" in (
        DOCS / "tutorial" / "your-own-encoder.md"
    ).read_text(encoding="utf-8")
