"""Sphinx configuration; the reference of verbs and recipes is generated from the code itself."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from generate_reference import write_reference

project = "multiprot"
author = "The multiprot developers"
copyright = "2026, The multiprot developers"  # noqa: A001
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
autosummary_generate = True
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
# Not napoleon: it takes what stands before a colon in an attribute's docstring for its type.
numpydoc_show_class_members = False
# Pages under reference/ include them.
exclude_patterns = ["_build", "reference/generated/*.md"]
html_theme = "furo"
html_title = "multiprot"

write_reference(Path(__file__).parent / "reference" / "generated")
