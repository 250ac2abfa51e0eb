"""Writes the reference pages from the code itself: verbs, settings and public names.

`conf.py` calls it at every build. What it writes is not committed.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from reference_of_api import api_pages
from reference_of_settings import settings_page
from reference_of_verbs import verbs_page


def write_reference(folder: Path) -> None:
    """Write cli.md, configuration.md and one page per package into `folder`, anew."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "api").mkdir(parents=True)
    (folder / "cli.md").write_text(verbs_page(), encoding="utf-8")
    (folder / "configuration.md").write_text(settings_page(), encoding="utf-8")
    for name, text in api_pages():
        (folder / "api" / f"{name}.rst").write_text(text, encoding="utf-8")
