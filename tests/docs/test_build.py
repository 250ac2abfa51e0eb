"""The documentation builds without a warning and without the network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from multiprot.cli.verbs import VERBS
from tests.docs.blocks import DOCS

# A proxy that nobody listens on: whatever asks for the network fails at once.
_NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make docs` builds, with warnings as errors, from a copy of the sources."""
    folder = tmp_path_factory.mktemp("html")
    options = ("-q", "-W", "--keep-going", "-b", "html", "-d", str(folder / "doctrees"))
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(DOCS), str(folder / "html")],
        capture_output=True,
        text=True,
        env={**os.environ, **_NO_NETWORK, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


def text_of(page: Path) -> str:
    return re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))


def test_every_verb_and_option_is_in_the_reference(html: Path) -> None:
    text = text_of(html / "reference" / "cli.html")
    assert all(f"multiprot {verb}" in text for verb in VERBS)
    for option in ("--resume", "--cluster-identity", "--strict", "--origins", "--chain"):
        assert option in text


def test_every_key_and_plugin_option_is_in_the_reference(html: Path) -> None:
    text = text_of(html / "reference" / "configuration.html")
    for key in ("tokens_per_batch", "peak_lr", "checkpoints_kept", "gate_init", "shard_residues"):
        assert key in text
    for plugin in ("residue-transformer", "residue-geometry", "term-table", "go-contrast"):
        assert plugin in text
    assert "Residues per batch and process, padding included." in text
    assert "PydanticUndefined" not in text
    assert "&lt;class" not in (html / "reference" / "configuration.html").read_text()


def test_every_public_name_is_in_the_reference(html: Path) -> None:
    import multiprot

    pages = (html / "reference" / "generated" / "api").glob("*.html")
    text = "\n".join(text_of(page) for page in pages)
    missing = [name for name in multiprot.__all__ if name not in text and name != "__version__"]
    assert not missing


def test_links_go_somewhere(html: Path) -> None:
    """Links between pages, anchors included, lead to something that is there."""
    broken = [
        f"{page.name}: {link}"
        for page in html.rglob("*.html")
        for link in set(re.findall(r'href="([^"]+)"', page.read_text(encoding="utf-8")))
        if not re.match(r"[a-z]+:", link) and not leads_somewhere(page, link)
    ]
    assert not broken, broken[:20]


def leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (page.parent / name.partition("?")[0]).resolve() if name else page
    if not target.is_file() or not anchor or target.suffix != ".html":
        return target.is_file()
    return f'id="{anchor}"' in target.read_text(encoding="utf-8")
