"""Vectors of terms: exact, independent of the request, tied to one release."""

from __future__ import annotations

import copy
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import entry_points

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.encoders.options import validate_options
from multiprot.errors import ConfigError, PluginError
from multiprot.ontology import GeneOntology, Namespace, Term
from multiprot_go_graph.encoder import GoGraphEncoder
from multiprot_go_graph.options import GoGraphOptions
from multiprot_go_graph.plugin import go_graph

OPTIONS = GoGraphOptions(width=12, layers=2, identity_rank=6, text_buckets=50, text_rank=5)
WORDS = ["binding", "kinase", "membrane", "of", "zinc", "heme", "receptor", "nuclear"]


def terms_of(count: int, seed: int = 0) -> list[Term]:
    """A random DAG: every term but the first hangs from one to three earlier ones."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        parents = [f"GO:{p:07d}" for p in rng.choice(number, min(number, 3), replace=False)]
        first = int(rng.integers(1, 3))
        made.append(
            Term(
                id=f"GO:{number:07d}",
                name=" ".join(rng.choice(WORDS, 3)),
                namespace=Namespace.FUNCTION,
                is_a=tuple(parents[:first]),
                part_of=tuple(parents[first:]),
            )
        )
    return made


def ontology(count: int = 30, seed: int = 0) -> GeneOntology:
    return GeneOntology.from_terms(terms_of(count, seed), release="2024-01-01")


def encoder(
    bound: GeneOntology | None = None, options: GoGraphOptions = OPTIONS, seed: int = 0
) -> GoGraphEncoder:
    torch.manual_seed(seed)
    made = GoGraphEncoder(options).eval()
    made.bind(ontology() if bound is None else bound)
    with torch.no_grad():
        # Larger than at the start, so that a missing ancestor could not hide in the noise.
        made.input.identity.mul_(50.0)
    return made


def vectors(made: GoGraphEncoder, rows: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return made(torch.tensor(rows, dtype=torch.int64))


def test_the_entry_point_is_the_plugin() -> None:
    (found,) = entry_points(group="multiprot.go_encoders", name="go-graph")
    assert found.load() is go_graph
    assert go_graph.name == found.name


def test_listing_imports_no_torch() -> None:
    code = "import sys, multiprot_go_graph.plugin; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("direction", ["ancestors", "both"])
@pytest.mark.parametrize("layers", [0, 1, 2, 4])
@given(rows=st.lists(st.integers(0, 29), max_size=12), seed=st.integers(0, 5))
@settings(max_examples=15, deadline=None)
def test_a_part_gives_what_the_whole_graph_gives(
    direction: str, layers: int, rows: list[int], seed: int
) -> None:
    """Any request, with repeats and in any order, is a selection from the whole."""
    options = OPTIONS.model_copy(update={"direction": direction, "layers": layers})
    made = encoder(ontology(seed=seed), options)
    whole = vectors(made, list(range(30)))
    torch.testing.assert_close(vectors(made, rows), whole[rows], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("direction", ["ancestors", "both"])
def test_the_whole_graph_is_the_direct_formula(direction: str) -> None:
    """Dense matrices and loops, written from the README."""
    options = OPTIONS.model_copy(update={"direction": direction})
    bound = ontology()
    made = encoder(bound, options)
    start, closure = made.input, torch.from_numpy(bound.closure.toarray()).float()
    weight = closure / closure.sum(1, keepdim=True).sqrt()
    words = torch.from_numpy(made._book._words.toarray())
    states = (
        start.namespace(torch.from_numpy(bound.namespace_index.copy()))
        + start.depth(torch.from_numpy(bound.depth.copy()))
        + start.from_identity(weight @ start.identity)
        + start.from_words(words @ start.words)
    )
    relations = []
    for kind in (0, 1):
        child, parent = bound.edges[:, bound.edge_relations == kind]
        matrix = torch.zeros(30, 30)
        matrix[child, parent] = 1.0
        relations.append(matrix)
    if direction == "both":
        relations += [matrix.T for matrix in relations]
    means = [m / m.sum(1, keepdim=True).clamp(min=1) for m in relations]
    for layer in made.layers:
        normed = layer.norm(states)
        heard = torch.cat([normed, *(mean @ normed for mean in means)], dim=1)
        states = states + torch.nn.functional.gelu(layer.mix(heard))
    expected = made.norm(states)
    torch.testing.assert_close(
        vectors(made, list(range(30))), expected.detach(), atol=1e-5, rtol=1e-4
    )


def test_upwards_only_a_descendant_changes_nothing() -> None:
    """A new leaf leaves all other terms' vectors as they are; hearing of children it does not."""
    terms = terms_of(30)
    leaf = replace(terms[29], name="entirely new words", is_a=("GO:0000003",), part_of=())
    for direction, changes in (("ancestors", False), ("both", True)):
        options = OPTIONS.model_copy(update={"direction": direction, "text_buckets": 0})
        found = []
        for last in (terms[29], leaf):
            made = encoder(GeneOntology.from_terms([*terms[:29], last]), options)
            with torch.no_grad():
                # Drawn numbers would differ where the new leaf adds a depth.
                for parameter in made.parameters():
                    parameter.copy_(torch.arange(parameter.numel()).sin().view_as(parameter))
            found.append(vectors(made, list(range(29))))
        assert torch.equal(*found) is not changes


def test_the_order_of_the_file_changes_nothing() -> None:
    terms = terms_of(30)
    backwards = GeneOntology.from_terms(terms[::-1], release="2024-01-01")
    rows = list(range(30))
    assert torch.equal(vectors(encoder(backwards), rows), vectors(encoder(), rows))


def test_gradients_are_those_of_finite_differences() -> None:
    """Through the matrix product with its own gradient, and the scattered messages."""
    made = encoder(options=OPTIONS.model_copy(update={"dropout": 0.0})).double()
    rows = torch.tensor([29, 3, 17])
    weight = torch.randn(3, 12, dtype=torch.float64)
    (made(rows) * weight).sum().backward()
    for parameter in (made.input.identity, made.input.words):
        touched = parameter.grad.abs().sum(1).nonzero().flatten()
        assert 0 < len(touched) <= len(parameter)
        for row in touched[:3].tolist():
            found = []
            for step in (1e-4, -1e-4):
                with torch.no_grad():
                    parameter[row, 1] += step
                    found.append(float((made(rows) * weight).sum()))
                    parameter[row, 1] -= step
            slope = (found[0] - found[1]) / 2e-4
            assert slope == pytest.approx(float(parameter.grad[row, 1]), rel=1e-3, abs=1e-6)


def test_an_unseen_term_is_near_terms_of_the_same_words() -> None:
    """What is learned for a word moves every term that bears it, and no other."""
    names = ["root", "zinc binding", "zinc transport", "heme oxidation"]
    terms = [
        Term(
            id=f"GO:{i:07d}",
            name=name,
            namespace=Namespace.FUNCTION,
            is_a=("GO:0000000",) if i else (),
        )
        for i, name in enumerate(names)
    ]
    options = OPTIONS.model_copy(update={"text_buckets": 5000, "layers": 0})
    made = encoder(GeneOntology.from_terms(terms), options)
    before = vectors(made, [0, 1, 2, 3])
    loss = (made(torch.tensor([1])) * torch.randn(1, 12)).sum()
    loss.backward()
    with torch.no_grad():
        made.input.words -= made.input.words.grad
    moved = (vectors(made, [0, 1, 2, 3]) - before).norm(dim=1)
    assert moved[1] > moved[2] > 1e-3
    assert moved[0] < 1e-6
    assert moved[3] < 1e-6


def test_a_layout_is_kept_and_a_new_one_made_for_new_terms() -> None:
    made = encoder()
    book = made._book
    first = book.request(torch.tensor([1, 2]))
    assert book.request(torch.tensor([1, 2])) is first
    assert book.request(torch.tensor([2, 1])) is not first
    for row in range(20):
        book.request(torch.tensor([row]))
    assert len(book._kept) == 8
    assert book.request(torch.tensor([1, 2])) is not first


@pytest.mark.parametrize("row", [-1, 30])
def test_a_row_that_is_no_term_is_refused(row: int) -> None:
    with pytest.raises(PluginError, match=rf"row {row} is not one of the 30 terms"):
        vectors(encoder(), [3, row])


def test_another_release_is_refused_naming_both() -> None:
    made, other = encoder(), ontology(31)
    made.bind(ontology())
    with pytest.raises(PluginError) as caught:
        made.bind(other)
    assert ontology().content_hash[:12] in str(caught.value)
    assert other.content_hash[:12] in str(caught.value)


def test_weights_of_another_release_are_refused_naming_both() -> None:
    """Even where they have the same shape."""
    terms = terms_of(30)
    terms[7] = replace(terms[7], name="renamed")
    renamed = GeneOntology.from_terms(terms)
    made = encoder()
    with pytest.raises(PluginError) as caught:
        encoder(renamed).load_state_dict(made.state_dict())
    assert ontology().content_hash in str(caught.value)
    assert renamed.content_hash in str(caught.value)
    with pytest.raises(PluginError, match="call bind"):
        GoGraphEncoder(OPTIONS).load_state_dict(made.state_dict())


def test_weights_of_the_same_release_load_inside_another_module() -> None:
    first, second = (torch.nn.ModuleDict({"go": encoder(seed=seed)}) for seed in (0, 1))
    second.load_state_dict(first.state_dict())
    rows = list(range(30))
    assert torch.equal(vectors(first["go"], rows), vectors(second["go"], rows))


@pytest.mark.parametrize("left_out", [{"identity_rank": 0}, {"text_buckets": 0}])
def test_parts_can_be_left_out(left_out: dict[str, int]) -> None:
    torch.manual_seed(0)
    made = GoGraphEncoder(OPTIONS.model_copy(update=left_out))
    made.bind(ontology())
    made(torch.arange(30)).square().sum().backward()
    assert all(p.grad is not None for p in made.parameters())
    names = {n.split(".")[-1] for n, _ in made.named_parameters()}
    assert ("identity" in names) is ("identity_rank" not in left_out)
    assert ("words" in names) is ("text_buckets" not in left_out)


def test_a_term_named_by_its_id_has_no_text() -> None:
    terms = terms_of(5)
    terms[3] = replace(terms[3], name=terms[3].id)
    words = encoder(GeneOntology.from_terms(terms))._book._words
    counts = np.diff(words.indptr)
    assert counts[3] == 0
    assert (np.delete(counts, 3) > 0).all()


def test_regulates_counts_with_part_of() -> None:
    """Where the ontology was read with it; the encoder keeps two relations either way."""
    root, process = (
        Term(id=f"GO:{i:07d}", name=WORDS[i], namespace=Namespace.PROCESS) for i in range(2)
    )
    process = replace(process, is_a=(root.id,))
    found = []
    for relation in ("part_of", "regulates"):
        child = Term(
            id="GO:0000002",
            name="child",
            namespace=Namespace.PROCESS,
            **{"is_a": (root.id,), relation: (process.id,)},
        )
        found.append(encoder(GeneOntology.from_terms([root, process, child])))
    assert torch.equal(vectors(found[0], [2]), vectors(found[1], [2]))


def test_alternative_and_replaced_ids_are_the_ontologys_business() -> None:
    terms = terms_of(10)
    terms[4] = replace(terms[4], alt_ids=("GO:0000904",))
    terms.append(
        Term(
            id="GO:0000800",
            name="gone",
            namespace=Namespace.FUNCTION,
            obsolete=True,
            replaced_by=("GO:0000004",),
        )
    )
    bound = GeneOntology.from_terms(terms)
    made = encoder(bound)
    rows = [bound.row(name) for name in ("GO:0000004", "GO:0000904", "GO:0000800")]
    found = vectors(made, rows)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])
    assert len(made.input.identity) == 10


def test_a_copy_is_bound_and_its_weights_are_its_own() -> None:
    made = encoder()
    copied = copy.deepcopy(made)
    with torch.no_grad():
        copied.input.identity.zero_()
    rows = list(range(30))
    assert not torch.equal(vectors(made, rows), vectors(copied, rows))
    with pytest.raises(PluginError):
        copied.bind(ontology(31))


def test_dropout_acts_in_training_only() -> None:
    made = encoder(options=OPTIONS.model_copy(update={"dropout": 0.5}))
    rows = torch.arange(30)
    assert torch.equal(made(rows), made(rows))
    made.train()
    assert not torch.equal(made(rows), made(rows))


def test_it_learns_what_is_inherited() -> None:
    """Trained on the children of two branches, it places unseen grandchildren by branch."""
    names = iter(range(100))

    def term(parents: tuple[str, ...]) -> Term:
        number = next(names)
        return Term(
            id=f"GO:{number:07d}",
            name=f"GO:{number:07d}",
            namespace=Namespace.FUNCTION,
            is_a=parents,
        )

    root = term(())
    branches = [term((root.id,)) for _ in range(2)]
    children = [term((branch.id,)) for branch in branches for _ in range(4)]
    unseen = [term((child.id,)) for child in children]
    bound = GeneOntology.from_terms([root, *branches, *children, *unseen])
    torch.manual_seed(0)
    made = GoGraphEncoder(OPTIONS.model_copy(update={"dropout": 0.0}))
    made.bind(bound)
    head = torch.nn.Linear(12, 1)
    optimizer = torch.optim.Adam([*made.parameters(), *head.parameters()], lr=1e-2)
    wanted = torch.tensor([0.0] * 4 + [1.0] * 4)
    seen_rows, unseen_rows = (
        torch.tensor([bound.row(t.id) for t in part]) for part in (children, unseen)
    )
    for _ in range(60):
        optimizer.zero_grad()
        score = head(made(seen_rows)).squeeze(1)
        torch.nn.functional.binary_cross_entropy_with_logits(score, wanted).backward()
        optimizer.step()
    with torch.no_grad():
        guessed = head(made(unseen_rows)).squeeze(1) > 0
    assert guessed.tolist() == wanted.bool().tolist()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"direction": "up"}, "direction"),
        ({"layers": -1}, "layers"),
        ({"identity": 3}, "identity_rank"),
        ({"dropout": 1.0}, "dropout"),
    ],
)
def test_a_bad_option_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        validate_options(go_graph, options, "model.go.options")
