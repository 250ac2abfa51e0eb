"""A standard test is not overridden without a reason; author's options win."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from multiprot.encoders.reference.plugins import (
    ResidueTransformerConfig,
    residue_transformer,
    term_table,
)
from multiprot.testing import GoEncoderSuite, SequenceEncoderSuite


def test_an_override_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Hushed.test_network replaces a standard test.*xfail"):

        class Hushed(SequenceEncoderSuite):
            plugin = residue_transformer

            def test_network(self) -> None:
                pass


@pytest.mark.parametrize("value", [None, lambda self: None])
def test_so_is_a_mixin_and_a_removal(value: Any) -> None:
    mixin = type("Mixin", (), {"test_network": value})
    with pytest.raises(TypeError, match="replaces a standard test"):
        type("Hushed", (mixin, GoEncoderSuite), {"__module__": "elsewhere"})


def test_an_xfail_needs_a_reason() -> None:
    with pytest.raises(TypeError, match="reason"):

        class Vague(SequenceEncoderSuite):
            @pytest.mark.xfail
            def test_network(self) -> None:
                super().test_network()


def test_an_xfail_with_a_reason_is_taken() -> None:
    class Honest(SequenceEncoderSuite):
        plugin = residue_transformer

        @pytest.mark.xfail(reason="its vendor's library asks for updates")
        def test_network(self) -> None:
            super().test_network()

        def test_of_its_own(self) -> None:
            pass

    class Further(Honest):
        """Subclasses may go on from there."""

    assert Further.plugin is residue_transformer


def test_tiny_options_are_the_default() -> None:
    class Plain(GoEncoderSuite):
        plugin = term_table

    assert Plain().tiny_config().model_dump()["width"] == term_table.tiny_options["width"]

    class Own(SequenceEncoderSuite):
        plugin = residue_transformer

        def tiny_config(self) -> ResidueTransformerConfig:
            return ResidueTransformerConfig(width=32, heads=2)

    assert Own().capabilities.max_residues == 2048


AUTHOR = """
from multiprot.encoders.reference.plugins import residue_geometry
from multiprot.testing import StructureEncoderSuite


class TestMine(StructureEncoderSuite):
    plugin = residue_geometry


def test_fixtures(multiprot_records, multiprot_long_record, multiprot_ontology):
    assert {"mixed", "odd", "lone"} <= {record.id for record in multiprot_records}
    folded = [r.structure for r in multiprot_records if r.structure is not None]
    assert any(structure.chain_breaks.any() for structure in folded)
    assert len(multiprot_long_record) == 3000
    assert "GO:9109001" not in multiprot_ontology
    assert multiprot_ontology.resolve("GO:9109001") == "GO:9101002"
"""


def test_an_author_gets_tests_and_fixtures(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(AUTHOR)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


def test_the_fixtures_cost_nothing_at_the_start_of_pytest() -> None:
    program = "import multiprot.testing.pytest_plugin, sys; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
