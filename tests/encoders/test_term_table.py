"""The reference GO encoder, by the shared case."""

from __future__ import annotations

import torch

from multiprot.data.synthetic_ontology import mini_ontology
from multiprot.encoders.reference.plugins import TermTableConfig, term_table
from multiprot.testing import GoEncoderSuite


class TestTermTable(GoEncoderSuite):
    plugin = term_table

    def tiny_config(self) -> TermTableConfig:
        return TermTableConfig(width=12)


def test_vector_is_the_normalised_sum_over_the_closure() -> None:
    ontology = mini_ontology(5)
    encoder = term_table.build(TermTableConfig(width=7))
    encoder.bind(ontology)
    dense = torch.from_numpy(ontology.closure.toarray()).float()
    expected = encoder.norm(dense @ encoder.table.weight)
    torch.testing.assert_close(encoder(torch.arange(len(ontology))), expected)


def test_a_term_that_was_never_trained_follows_its_ancestors() -> None:
    ontology = mini_ontology(5)
    encoder = term_table.build(TermTableConfig(width=32))
    encoder.bind(ontology)
    closure = {row: set(ontology.closure[[row]].indices) for row in range(len(ontology))}
    leaf, parent = next(
        (child, above)
        for child in range(len(ontology))
        for above in range(len(ontology))
        if closure[child] == closure[above] | {child} and len(closure[above]) > 1 and child != above
    )
    trained = torch.tensor(sorted(closure[parent]))
    with torch.no_grad():
        encoder.table.weight[trained] += torch.randn(len(trained), 32)
    unseen, known = encoder(torch.tensor([leaf, parent]))
    assert torch.cosine_similarity(unseen, known, dim=0) > 0.98


def test_gradient_of_a_term_reaches_exactly_its_closure() -> None:
    ontology = mini_ontology(4)
    encoder = term_table.build(TermTableConfig(width=6))
    encoder.bind(ontology)
    term = int(ontology.depth.argmax())
    (encoder(torch.tensor([term])) * torch.randn(1, 6)).sum().backward()
    touched = encoder.table.weight.grad.abs().sum(dim=1).nonzero().flatten().tolist()
    assert touched == sorted(ontology.closure[[term]].indices.tolist())
