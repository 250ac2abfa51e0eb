"""What multiprot asks of every GO encoder."""

from __future__ import annotations

from multiprot.testing import GoEncoderSuite
from multiprot_go_graph.options import GoGraphOptions
from multiprot_go_graph.plugin import go_graph


class TestGoGraph(GoEncoderSuite):
    plugin = go_graph

    def tiny_config(self) -> GoGraphOptions:
        return GoGraphOptions(width=16, text_buckets=64, text_rank=8, identity_rank=8)


class TestGoGraphBothWays(GoEncoderSuite):
    plugin = go_graph

    def tiny_config(self) -> GoGraphOptions:
        return GoGraphOptions(width=16, layers=3, direction="both", text_buckets=64)
