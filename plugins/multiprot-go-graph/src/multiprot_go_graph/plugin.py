"""The entry point `go-graph`. No torch here: listing plugins must cost milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality
from multiprot_go_graph.options import GoGraphOptions

if TYPE_CHECKING:
    from multiprot.encoders.contract import GoEncoder


def _capabilities(_options: GoGraphOptions) -> Capabilities:
    return Capabilities(
        trainable=True,
        max_residues=None,
        requires=frozenset(),
        precisions=frozenset({"fp32", "bf16"}),
    )


def _build(options: GoGraphOptions) -> GoEncoder:
    # torch and torch-geometric take seconds to import; whoever only lists plugins must not pay.
    from multiprot_go_graph.encoder import GoGraphEncoder

    return GoGraphEncoder(options)


go_graph: Final = EncoderPlugin(
    name="go-graph",
    modality=Modality.GO,
    summary="Messages along is_a and part_of over learned rows, ancestors and the words of names",
    config=GoGraphOptions,
    capabilities=_capabilities,
    build=_build,
    api_version=1,
)
"""The GO graph encoder as its entry point names it."""
