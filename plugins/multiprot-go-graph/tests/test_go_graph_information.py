"""Information content as a feature of `go-graph`."""

from __future__ import annotations

import json
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch

from multiprot.encoders.options import validate_options
from multiprot.errors import ConfigError, FileFormatError, ObsoleteTermError, UnknownTermError
from multiprot.ontology import GeneOntology, information_content, term_matrix
from multiprot.testing.ontology import REPLACED, SUCCESSOR, toy_ontology
from multiprot_go_graph.encoder import GoGraphEncoder
from multiprot_go_graph.options import GoGraphOptions
from multiprot_go_graph.plugin import go_graph

BARE = {"width": 8, "identity_rank": 0, "text_buckets": 0, "layers": 0, "dropout": 0.0}


def encoder(bound: GeneOntology | None = None, **options: object) -> GoGraphEncoder:
    torch.manual_seed(0)
    made = GoGraphEncoder(GoGraphOptions.model_validate({**BARE, **options})).eval()
    made.bind(bound or toy_ontology())
    return made


def every(made: GoGraphEncoder) -> torch.Tensor:
    with torch.no_grad():
        return made(torch.arange(len(made.ontology)))


def written(path: Path, values: dict[str, float], heading: str = "") -> str:
    path.write_text(heading + "".join(f"{term}\t{value!r}\n" for term, value in values.items()))
    return str(path)


def counted() -> dict[str, float]:
    """Bits of every term, of five annotated proteins."""
    bound = toy_ontology()
    sets = [[term_id] for term_id in bound.term_ids[5:20:3]]
    bits = information_content(term_matrix(sets, bound), bound, pseudocount=1)
    return dict(zip(bound.term_ids, bits.tolist(), strict=True))


def test_intrinsic_information_by_networkx() -> None:
    bound = toy_ontology()
    graph = nx.DiGraph(bound.edges.T.tolist())
    graph.add_nodes_from(range(len(bound)))
    spaces = bound.namespace_index
    expected = []
    for row in range(len(bound)):
        below = sum(spaces[other] == spaces[row] for other in nx.ancestors(graph, row))
        expected.append(1 - np.log(below + 1) / np.log((spaces == spaces[row]).sum()))
    made = encoder(information="intrinsic")
    np.testing.assert_allclose(made.information.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("information", ["none", "intrinsic"])
def test_the_direct_formula(information: str) -> None:
    made, bound = encoder(information=information), toy_ontology()
    start = made.input
    states = start.namespace(torch.tensor(bound.namespace_index.tolist()))
    states = states + start.depth(torch.tensor(bound.depth.tolist()))
    if information == "intrinsic":
        states = states + made.information[:, None] * start.information
    torch.testing.assert_close(every(made), made.norm(states).detach())


def test_without_it_nothing_changes() -> None:
    """A model saved before there was such an option says none by not saying it."""
    old = {k: v for k, v in encoder().portable_options.items() if "information" not in k}
    assert validate_options(go_graph, old).information == "none"
    assert not [name for name in encoder().state_dict() if "information" in name]
    with_it = encoder(information="intrinsic")
    for name, parameter in encoder().named_parameters():
        assert torch.equal(parameter, with_it.get_parameter(name))


def test_information_of_a_file_as_a_share_of_its_namespaces_largest(tmp_path: Path) -> None:
    bits, bound = counted(), toy_ontology()
    path = written(tmp_path / "bits.tsv", bits, heading="term\tbits\n")
    made = encoder(information="file", information_file=path)
    for row, term_id in enumerate(bound.term_ids):
        kin = [v for t, v in bits.items() if bound.namespace(t) is bound.namespace(term_id)]
        assert made.information[row].item() == pytest.approx(
            bits[term_id] / (max(kin) or 1.0), abs=1e-6
        )
    assert torch.isfinite(every(made)).all()


def test_a_bundle_needs_no_file(tmp_path: Path) -> None:
    path = written(tmp_path / "bits.tsv", counted())
    made = encoder(information="file", information_file=path, layers=2)
    portable = validate_options(go_graph, made.portable_options)
    assert (portable.information, portable.information_file) == ("saved", None)
    other = GoGraphEncoder(portable).eval()
    other.bind(toy_ontology())
    assert not torch.equal(every(other), every(made))
    other.load_state_dict(made.state_dict())
    assert torch.equal(every(other), every(made))
    assert other.portable_options == made.portable_options
    assert path not in json.dumps(made.portable_options)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({REPLACED: 1.0}, ObsoleteTermError, SUCCESSOR),
        ({"GO:7777777": 1.0}, UnknownTermError, "GO:7777777"),
        ({SUCCESSOR: -0.5}, FileFormatError, "never negative"),
        ({SUCCESSOR: float("inf")}, FileFormatError, "not finite"),
        ({SUCCESSOR: None}, FileFormatError, rf"no value for 1 of .*{SUCCESSOR}; .*pseudocount=1"),
    ],
)
def test_a_bad_file_is_refused(
    change: dict[str, float | None], error: type[Exception], message: str, tmp_path: Path
) -> None:
    values = {t: v for t, v in {**counted(), **change}.items() if v is not None}
    path = written(tmp_path / "bits.tsv", values)
    with pytest.raises(error, match=message):
        encoder(information="file", information_file=path)


def test_two_numbers_a_term_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bits.tsv"
    path.write_text("".join(f"{term}\t1\t2.5\n" for term in toy_ontology().term_ids))
    with pytest.raises(FileFormatError, match="2 numbers a term"):
        encoder(information="file", information_file=str(path))


@pytest.mark.parametrize(
    "options",
    [
        {"information": "file"},
        {"information_file": "bits.tsv"},
        {"information": "intrinsic", "information_file": "bits.tsv"},
        {"information": "corpus"},
    ],
)
def test_a_bad_option_is_named(options: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="information"):
        validate_options(go_graph, options, "model.go.options")


def test_it_tells_terms_apart_that_nothing_else_does() -> None:
    """Same namespace and depth, no names or rows: only what hangs below them differs."""
    bound, learned = toy_ontology(), encoder(information="intrinsic")
    same = [
        row
        for row in range(len(bound))
        if bound.namespace_index[row] == 0 and bound.depth[row] == 1
    ]
    by_size = {len(bound.descendants(bound.term_ids[row])): row for row in same}
    assert len(by_size) >= 2
    rows = torch.tensor(list(by_size.values()))
    assert len(torch.unique(every(learned)[rows], dim=0)) == len(rows)
    assert len(torch.unique(every(encoder())[rows], dim=0)) == 1
