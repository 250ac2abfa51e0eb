"""The entry points of this package. No torch here: listing plugins must cost milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.encoders.plugin import Capabilities, EncoderPlugin, Modality
from multiprot_go_graph.options import (
    GoGraphOptions,
    GoTextOptions,
    GoVectorsOptions,
    StaticOptions,
)

if TYPE_CHECKING:
    from multiprot.encoders.contract import GoEncoder


def _capabilities(trainable: bool) -> Capabilities:
    return Capabilities(
        trainable=trainable,
        max_residues=None,
        requires=frozenset(),
        precisions=frozenset({"fp32", "bf16"}),
    )


def _graph_capabilities(_options: GoGraphOptions) -> Capabilities:
    return _capabilities(trainable=True)


def _static_capabilities(options: StaticOptions) -> Capabilities:
    return _capabilities(trainable=options.trainable or options.width is not None)


# torch, torch-geometric and transformers take seconds to import; whoever only lists plugins must
# not pay for them.


def _build_graph(options: GoGraphOptions) -> GoEncoder:
    from multiprot_go_graph.encoder import GoGraphEncoder

    return GoGraphEncoder(options)


def _build_vectors(options: GoVectorsOptions) -> GoEncoder:
    from multiprot_go_graph.vectors_encoder import GoVectorsEncoder

    return GoVectorsEncoder(options)


def _build_text(options: GoTextOptions) -> GoEncoder:
    from multiprot_go_graph.text_encoder import GoTextEncoder

    return GoTextEncoder(options)


go_graph: Final = EncoderPlugin(
    name="go-graph",
    modality=Modality.GO,
    summary="Messages along is_a and part_of over learned rows, ancestors and the words of names",
    config=GoGraphOptions,
    capabilities=_graph_capabilities,
    build=_build_graph,
    tiny_options={"width": 16, "text_buckets": 64, "text_rank": 8, "identity_rank": 8},
    api_version=1,
)
"""The GO graph encoder as its entry point names it."""

go_vectors: Final = EncoderPlugin(
    name="go-vectors",
    modality=Modality.GO,
    summary="A vector per term from a file (anc2vec, OPA2Vec and others), fixed or fine-tuned",
    config=GoVectorsOptions,
    capabilities=_static_capabilities,
    build=_build_vectors,
    tiny_options={"stored_width": 16},
    api_version=1,
)
"""Vectors from a file as their entry point names them."""

go_text: Final = EncoderPlugin(
    name="go-text",
    modality=Modality.GO,
    summary="Names and definitions through a local text encoder of transformers, once, at binding",
    config=GoTextOptions,
    capabilities=_static_capabilities,
    build=_build_text,
    tiny_options={"stored_width": 16, "width": 8},
    api_version=1,
)
"""Definition texts as their entry point names them."""
