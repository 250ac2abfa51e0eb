"""The encoder `go-vectors`: the file's vectors, whole and portable."""

from __future__ import annotations

import copy
import logging
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
import torch

from multiprot.encoders.options import validate_options
from multiprot.errors import ConfigError, FileFormatError, ObsoleteTermError, PluginError
from multiprot.ontology import GeneOntology
from multiprot.testing.ontology import DROPPED, REPLACED, SUCCESSOR, toy_ontology
from multiprot_go_graph.options import GoVectorsOptions
from multiprot_go_graph.plugin import go_vectors
from multiprot_go_graph.vectors_encoder import GoVectorsEncoder


def written(path: Path, ids: list[str], channels: int = 4) -> str:
    rng = np.random.default_rng(5)
    lines = ["\t".join([i, *map(repr, rng.normal(size=channels).tolist())]) for i in ids]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def encoder(bound: GeneOntology | None = None, **options: object) -> GoVectorsEncoder:
    torch.manual_seed(0)
    made = GoVectorsEncoder(GoVectorsOptions.model_validate(options)).eval()
    made.bind(bound or toy_ontology())
    return made


def every(made: GoVectorsEncoder) -> torch.Tensor:
    with torch.no_grad():
        return made(torch.arange(len(made.ontology)))


def test_the_entry_point_is_the_plugin() -> None:
    (found,) = entry_points(group="multiprot.go_encoders", name="go-vectors")
    assert found.load() is go_vectors


def test_vectors_are_the_files_own(toy_vectors: Path) -> None:
    made = encoder(vectors=str(toy_vectors))
    archive = np.load(toy_vectors)
    found = made.of_ids(archive["ids"].tolist())
    np.testing.assert_array_equal(found.numpy(), archive["vectors"])
    assert made.term_dim == 6
    assert not list(made.parameters())


def test_the_map_behind_them_is_linear_and_learned(toy_vectors: Path) -> None:
    made, plain = encoder(vectors=str(toy_vectors), width=3), encoder(vectors=str(toy_vectors))
    expected = every(plain) @ made.project.weight.T + made.project.bias
    torch.testing.assert_close(every(made), expected.detach())
    assert {name for name, _ in made.named_parameters()} == {"project.weight", "project.bias"}


@pytest.mark.parametrize(("trainable", "moves"), [(True, True), (False, False)])
def test_only_trainable_vectors_move(toy_vectors: Path, trainable: bool, moves: bool) -> None:
    made = encoder(vectors=str(toy_vectors), width=3, trainable=trainable)
    before = made.vectors.detach().clone()
    optimizer = torch.optim.SGD(made.parameters(), lr=0.1)
    made(torch.tensor([3, 5])).square().sum().backward()
    optimizer.step()
    changed = (made.vectors != before).any(dim=1).nonzero().squeeze(1).tolist()
    assert changed == ([3, 5] if moves else [])
    assert go_vectors.capabilities(made._options).trainable


def test_what_was_made_up_is_counted_and_logged(
    toy_vectors: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "multiprot_go_graph"):
        made = encoder(vectors=str(toy_vectors))
    given = len(np.load(toy_vectors)["ids"])
    assert (made.coverage.own, made.coverage.filled) == (given, len(toy_ontology()) - given)
    assert f"{made.coverage.filled} from their parents'" in caplog.text
    assert len(torch.unique(every(made), dim=0)) == len(toy_ontology())


def test_obsolete_rows(tmp_path: Path) -> None:
    """Refused by default with the replacement's id; mapped on request."""
    live = [i for i in toy_ontology().term_ids if i != SUCCESSOR]
    path = written(tmp_path / "a.tsv", [*live, REPLACED, DROPPED])
    with pytest.raises(
        ObsoleteTermError, match=rf"a\.tsv: {REPLACED} is obsolete, use {SUCCESSOR}"
    ):
        encoder(vectors=path)
    made = encoder(vectors=path, retired="map")
    assert (made.coverage.replaced, made.coverage.retired, made.coverage.filled) == (1, 1, 0)


def test_a_bundle_needs_no_file(toy_vectors: Path) -> None:
    """Portable options build an encoder of the same shape, which takes the weights."""
    made = encoder(vectors=str(toy_vectors), width=3, standardise=True)
    portable = validate_options(go_vectors, made.portable_options)
    assert portable.vectors is None
    other = GoVectorsEncoder(portable).eval()
    other.bind(toy_ontology())
    other.load_state_dict(made.state_dict())
    assert torch.equal(every(other), every(made))
    assert other.portable_options == made.portable_options


def test_another_release_is_refused_naming_both(toy_vectors: Path) -> None:
    made, other = encoder(vectors=str(toy_vectors)), toy_ontology(7, release="toy/2")
    with pytest.raises(PluginError, match=r"toy/1 .*toy/2"):
        made.bind(other)
    stranger = encoder(other, vectors=str(toy_vectors))
    with pytest.raises(PluginError, match="bind the release that the weights were trained on"):
        stranger.load_state_dict(made.state_dict())


@pytest.mark.parametrize("row", [-1, 10_000])
def test_a_row_that_is_no_term_is_refused(toy_vectors: Path, row: int) -> None:
    with pytest.raises(PluginError, match=f"go-vectors: row {row} is not one of"):
        encoder(vectors=str(toy_vectors))(torch.tensor([0, row]))


def test_copies_share_nothing_that_learns(toy_vectors: Path) -> None:
    made = encoder(vectors=str(toy_vectors), trainable=True)
    copied = copy.deepcopy(made)
    with torch.no_grad():
        copied.vectors.zero_()
    assert every(made).any()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "vectors is needed"),
        ({"vectors": "a.npz", "stored_width": 3}, "set stored_width to null"),
        ({"vectors": "a.npz", "retired": "drop"}, "retired"),
        ({"vectors": "a.npz", "format": "pickle"}, "format"),
        ({"vectors": "a.npz", "spread": -1}, "spread"),
        ({"vectors": "a.npz", "dimension": 3}, "dimension"),
    ],
)
def test_a_bad_option_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        validate_options(go_vectors, options, "model.go.options")


def test_a_missing_file_is_refused_when_built(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"absent\.npz"):
        go_vectors.build(GoVectorsOptions(vectors=str(tmp_path / "absent.npz")))
