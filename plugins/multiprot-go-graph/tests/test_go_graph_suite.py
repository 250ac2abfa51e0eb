"""What multiprot asks of every GO encoder."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from multiprot.ontology import intrinsic_information
from multiprot.testing import GoEncoderSuite
from multiprot.testing.ontology import toy_ontology
from multiprot_go_graph.options import GoGraphOptions, GoTextOptions, GoVectorsOptions
from multiprot_go_graph.plugin import go_graph, go_text, go_vectors


class TestGoGraph(GoEncoderSuite):
    plugin = go_graph


class TestGoGraphBothWays(GoEncoderSuite):
    plugin = go_graph

    def tiny_config(self) -> GoGraphOptions:
        return GoGraphOptions(width=16, layers=3, direction="both", text_buckets=64)


class TestGoGraphInformation(GoEncoderSuite):
    plugin = go_graph

    def tiny_config(self) -> GoGraphOptions:
        return GoGraphOptions(
            width=16, text_buckets=64, text_rank=8, identity_rank=8, information="intrinsic"
        )


class TestGoGraphInformationOfAFile(GoEncoderSuite):
    plugin = go_graph

    @pytest.fixture(autouse=True)
    def _written(self, tmp_path: Path) -> None:
        self.path, bound = tmp_path / "information.tsv", toy_ontology()
        values = zip(bound.term_ids, 9 * intrinsic_information(bound), strict=True)
        self.path.write_text("".join(f"{term}\t{value}\n" for term, value in values))

    def tiny_config(self) -> GoGraphOptions:
        return GoGraphOptions(
            width=16, text_buckets=64, information="file", information_file=str(self.path)
        )


class TestGoVectorsStored(GoEncoderSuite):
    plugin = go_vectors


class _OfAFile(GoEncoderSuite):
    plugin = go_vectors
    options: ClassVar[dict[str, object]]

    @pytest.fixture(autouse=True)
    def _written(self, toy_vectors: Path) -> None:
        self.path = toy_vectors

    def tiny_config(self) -> GoVectorsOptions:
        return GoVectorsOptions.model_validate({"vectors": str(self.path), **self.options})


class TestGoVectors(_OfAFile):
    options: ClassVar = {}


class TestGoVectorsProjected(_OfAFile):
    options: ClassVar = {"width": 5, "standardise": True}


class TestGoVectorsFineTuned(_OfAFile):
    options: ClassVar = {"trainable": True}


class TestGoTextStored(GoEncoderSuite):
    plugin = go_text


class _OfATextEncoder(GoEncoderSuite):
    plugin = go_text
    options: ClassVar[dict[str, object]]

    @pytest.fixture(autouse=True)
    def _written(self, checkpoint: Path) -> None:
        self.path = checkpoint

    def tiny_config(self) -> GoTextOptions:
        return GoTextOptions.model_validate({"checkpoint": str(self.path), **self.options})


class TestGoText(_OfATextEncoder):
    options: ClassVar = {"width": 8}


class TestGoTextFirstTokenFineTuned(_OfATextEncoder):
    options: ClassVar = {"width": None, "trainable": True, "pooling": "first", "standardise": False}
