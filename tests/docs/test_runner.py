"""The runner notices when a page is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import UnknownBlockError, blocks
from tests.docs.runner import PageError, PageRunner, matches


def run_page(folder: Path, text: str) -> PageRunner:
    page = folder / "page.md"
    page.write_text(text)
    runner = PageRunner(folder)
    for block in blocks(page):
        runner.run(block)
    return runner


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tests.docs.blocks.ROOT", tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "```bash\nfalse\ntrue\n```",
        "```bash\nfalse | cat\n```",
        "```bash\necho $no_such_variable\n```",
        "```bash\necho one\n```\n\n<!-- output -->\n```text\ntwo\n```",
        "```python\nprint(1)\n```\n\n<!-- output -->\n```text\n2\n```",
        "```console\n$ echo one\ntwo\n```",
        "```console\n$ echo 'error: no' && exit 1\nerror: no\n```",
        "```console\n$ true\n$ false\n```",
    ],
)
def test_a_page_that_is_wrong_fails(tmp_path: Path, text: str) -> None:
    with pytest.raises(PageError, match=r"page\.md:\d+"):
        run_page(tmp_path, text)


def test_a_python_block_that_raises_fails_with_its_own_line(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        run_page(tmp_path, "# Page\n\n```python\nx = 0\n1 / x\n```\n")
    assert raised.traceback[-1].lineno == 4  # 0-based: line 5 of the page


def test_blocks_share_folder_and_names(tmp_path: Path) -> None:
    text = (
        "```{code-block} text\n:caption: in/a.txt\nhello\n```\n\n"
        "```bash\ncp in/a.txt b.txt\n```\n\n"
        '```python\nfrom pathlib import Path\nx = Path("b.txt").read_text()\n```\n\n'
        "```python\nprint(x * 2)\n```\n\n<!-- output -->\n```text\nhello\n...\n```\n\n"
        "```console\n$ cat b.txt\nhello\n$ ls b.txt \\\n    in\nb.txt ... a.txt\n"
        "$ echo 'error: bad' && exit 2\nerror: bad\n```\n"
    )
    assert run_page(tmp_path, text).printed == "hello\nhello\n\n"


def test_a_block_with_a_reason_is_left_alone(tmp_path: Path) -> None:
    run_page(tmp_path, "<!-- not executed: it takes an hour -->\n```bash\nfalse\n```")
    (block,) = blocks(tmp_path / "page.md")
    assert (block.role, block.argument, block.line) == ("skipped", "it takes an hour", 2)


@pytest.mark.parametrize("info", ["", "sh", "yaml", "json"])
def test_a_block_without_a_rule_is_refused(tmp_path: Path, info: str) -> None:
    (tmp_path / "page.md").write_text(f"```{info}\nx\n```")
    with pytest.raises(UnknownBlockError, match="not executed"):
        blocks(tmp_path / "page.md")


def test_what_output_matches() -> None:
    assert matches("a b\nc", "a   b c\n")
    assert matches("a ... z", "a z")
    assert matches("a ... z", "a 1\n2 z")
    assert matches("v ...", "v 1.0")
    assert not matches("a", "a b")
    assert not matches("a ... z", "a b")
    assert not matches("[1 3]", "1")
