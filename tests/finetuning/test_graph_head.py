"""A head whose pairs look at their neighbours in a network of proteins."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from multiprot.bundle import PredictionHead, PredictionSettings, load_bundle
from multiprot.bundle.graph_layers import GraphLayer, GraphSettings, InteractionGraph
from multiprot.bundle.prediction import load_head, save_head
from multiprot.bundle.protein_network import ProteinNetwork
from multiprot.encoders.tensor_files import load_tensors
from multiprot.errors import BundleError, TrainingError
from multiprot.finetuning import FineTuneRun, Predictor, cross_validate, finetune
from multiprot.finetuning.entries import TableEntry
from multiprot.finetuning.folds import Folding
from multiprot.training.finetune.options import FineTuneOptions
from tests.finetuning.conftest import MakeRun
from tests.finetuning.planted import write_task

SEQUENCES = tuple("KLDEVAGH"[:n] for n in range(1, 9))
GRAPH: dict[str, Any] = {"head": "graph", "graph_width": 8}
WIDTH = 5


def network(*links: tuple[int, int]) -> ProteinNetwork:
    return ProteinNetwork.of((SEQUENCES[one], SEQUENCES[other]) for one, other in links)


RING = network((0, 1), (1, 2), (2, 3), (3, 0), (3, 4))


def graph_head(known: ProteinNetwork = RING, layers: int = 1, **given: Any) -> PredictionHead:
    """A head of random weights over a network whose proteins have random vectors."""
    torch.manual_seed(0)
    graph = GraphSettings(
        proteins=len(known), edges=known.edges.shape[1], layers=layers, width=6, **given
    )
    settings = PredictionSettings(
        task="t", unit="pair", target="regression", width=WIDTH, graph=graph
    )
    head = PredictionHead(settings).eval()
    if head.graph is not None:
        head.graph.take(known, torch.randn(len(known), WIDTH))
    return head


@given(pairs=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=12))
def test_a_network_is_the_same_in_whatever_order_its_pairs_come(
    pairs: list[tuple[int, int]],
) -> None:
    found = network(*pairs)
    other = network(*[(b, a) for a, b in reversed(pairs)], *pairs[:1])
    assert np.array_equal(found.digests, other.digests)
    assert np.array_equal(found.edges, other.edges)
    links = {frozenset(pair) for pair in pairs if pair[0] != pair[1]}
    numbers = found.numbers(SEQUENCES)
    names = {int(number): place for place, number in enumerate(numbers) if number >= 0}
    assert set(names) == set(range(len(found)))
    edges = [frozenset((names[a], names[b])) for a, b in found.edges.T.tolist()]
    assert len(edges) == 2 * len(links)
    assert set(edges) == links


@pytest.mark.parametrize("neighbours", ["mean", "sum"])
def test_a_layer_is_that_of_a_matrix_of_neighbours(neighbours: Any) -> None:
    torch.manual_seed(1)
    layer = GraphLayer(WIDTH, 6, neighbours).double()
    torch.nn.init.normal_(layer.epsilon)
    states = torch.randn(9, WIDTH, dtype=torch.float64)
    matrix = (torch.rand(9, 9) < 0.3).double()
    # One that nobody is linked to.
    matrix[4] = matrix[:, 4] = 0
    links = matrix.nonzero().T.flip(0)
    count = matrix.sum(dim=1, keepdim=True).clamp(min=1) if neighbours == "mean" else 1.0
    seen = (1 + layer.epsilon) * states + matrix @ states / count
    expected = layer.norm(layer.outer(layer.inner(seen).relu()))
    torch.testing.assert_close(layer(states, links), expected)


def pair_outputs(head: PredictionHead, vectors: Tensor, *pairs: tuple[int, int]) -> Tensor:
    """What the head says of pairs of `SEQUENCES`, whose vectors are given."""
    assert head.graph is not None
    numbers = torch.from_numpy(head.graph.network().numbers(SEQUENCES))
    one, other = (torch.tensor(column) for column in zip(*pairs, strict=True))
    nodes = torch.stack([numbers[one], numbers[other]], dim=1)
    with torch.no_grad():
        found: Tensor = head(vectors[one], vectors[other], None, nodes)
    return found


@pytest.mark.parametrize("layers", [1, 2])
def test_a_pair_depends_on_no_order_and_on_no_other_pair(layers: int) -> None:
    head, vectors = graph_head(layers=layers), torch.randn(8, WIDTH)
    asked = [(0, 4), (6, 1), (7, 5), (2, 2)]
    found = pair_outputs(head, vectors, *asked)
    assert bool(torch.isfinite(found).all())
    back = pair_outputs(head, vectors, *[(b, a) for a, b in asked])
    assert torch.equal(found, back)
    for row, pair in enumerate(asked):
        torch.testing.assert_close(pair_outputs(head, vectors, pair)[0], found[row])


@pytest.mark.parametrize("layers", [1, 2])
def test_a_protein_sees_as_far_as_there_are_layers(layers: int) -> None:
    head, vectors = graph_head(layers=layers), torch.randn(8, WIDTH)
    assert head.graph is not None
    known = head.graph.network().numbers(SEQUENCES)
    before = pair_outputs(head, vectors, (4, 6), (0, 6), (6, 7))
    # Of 4 the neighbour is 3, and behind that are 0 and 2; 6 and 7 are in no network.
    for changed, away in ((3, 1), (0, 2), (1, 3)):
        kept = head.graph.vectors.clone()
        head.graph.vectors[int(known[changed])] += 1
        after = pair_outputs(head, vectors, (4, 6), (0, 6), (6, 7))
        assert bool(after[0] != before[0]) == (away <= layers)
        assert bool(after[1] != before[1])
        assert bool(after[2] == before[2])
        head.graph.vectors.copy_(kept)
    # One of the network is known by its sequence: what vector it comes with does not matter.
    vectors[[0, 4]] += 1
    assert torch.equal(pair_outputs(head, vectors, (0, 4)), pair_outputs(head, vectors - 1, (0, 4)))


def test_without_links_a_protein_is_its_own_vector_through_the_layers() -> None:
    head, alone = graph_head(), graph_head(network())
    state = dict(head.named_parameters())
    alone.load_state_dict(state, strict=False)
    vectors = torch.randn(8, WIDTH)
    found, expected = (pair_outputs(h, vectors, (5, 6), (7, 7)) for h in (head, alone))
    torch.testing.assert_close(found, expected)
    assert not torch.allclose(
        pair_outputs(head, vectors, (0, 4)), pair_outputs(alone, vectors, (0, 4))
    )


@pytest.mark.parametrize("hides", [True, False])
def test_a_pair_is_learnt_without_its_own_link(hides: bool) -> None:
    links = [(0, 1), (1, 2), (2, 3), (3, 0), (3, 4)]
    head, less = graph_head(RING, hides=hides), graph_head(network(*links[:-1]))
    vectors = torch.randn(8, WIDTH)
    for one in (head, less):
        assert one.graph is not None
        one.load_state_dict(dict(head.named_parameters()), strict=False)
        numbers = one.graph.network().numbers(SEQUENCES)
        for protein, number in enumerate(numbers):
            if number >= 0:
                one.graph.vectors[int(number)] = vectors[protein]
    learning, using = (pair_outputs(h, vectors, (4, 3)) for h in (head.train(), less))
    assert torch.allclose(learning, using) == hides
    assert torch.allclose(learning, pair_outputs(head.eval(), vectors, (4, 3))) != hides


def test_a_graph_is_kept_in_the_file_and_no_graph_leaves_no_trace(tmp_path: Path) -> None:
    head, path = graph_head(layers=2, neighbours="sum"), tmp_path / "head.safetensors"
    save_head(head, path)
    again, vectors = load_head(path), torch.randn(8, WIDTH)
    assert again.settings == head.settings
    pairs = [(0, 4), (6, 1)]
    assert torch.equal(*(pair_outputs(h, vectors, *pairs) for h in (head, again)))
    save_head(PredictionHead(PredictionSettings.model_validate(settings_without_graph())), path)
    assert "graph" not in json.loads(load_tensors(path)[1]["settings"])


def settings_without_graph(**given: Any) -> dict[str, Any]:
    return {"task": "t", "unit": "pair", "target": "regression", "width": WIDTH} | given


def test_what_does_not_go_with_a_graph_is_refused(make_run: MakeRun, tmp_path: Path) -> None:
    graph = {"proteins": 0, "edges": 0}
    with pytest.raises(ValidationError, match="a graph is for pairs"):
        PredictionSettings.model_validate(settings_without_graph(unit="protein", graph=graph))
    with pytest.raises(BundleError, match="network of 5 proteins"):
        graph_head()(torch.zeros(1, WIDTH), torch.zeros(1, WIDTH))
    for mode in ("lora", "full"):
        with pytest.raises(ValidationError, match=f"head graph is for mode frozen, not {mode}"):
            FineTuneOptions.model_validate({"head": "graph", "mode": mode})
    run = make_run(write_task(tmp_path / "task", "binary"), head="graph")
    with pytest.raises(TrainingError, match="this task is binary; choose --head plain"):
        finetune(run)
    assert not run.out.exists()


def linked_task(folder: Path, change: Callable[[dict[str, str]], dict[str, str]]) -> Path:
    """A task of pairs among few proteins, every row as `change` makes it."""
    write_task(folder, "pair_binary", entries=60, name="linked")
    path = folder / "data.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    proteins = [row["sequence_a"] for row in rows[:14]]
    rng = np.random.default_rng(3)
    for row in rows:
        one, other = rng.choice(len(proteins), size=2, replace=False)
        row |= {"sequence_a": proteins[one], "sequence_b": proteins[other]}
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(change(row) for row in rows)
    return folder


def flipped(row: dict[str, str]) -> dict[str, str]:
    return row | ({"target": str(1 - int(row["target"]))} if row["split"] == "test" else {})


def untested(row: dict[str, str]) -> dict[str, str]:
    return row | ({"split": "drop"} if row["split"] == "test" and row["id"] != "e4" else {})


def swapped(row: dict[str, str]) -> dict[str, str]:
    return row | {"sequence_a": row["sequence_b"], "sequence_b": row["sequence_a"]}


def trained(make_run: MakeRun, folder: Path, change: Any = dict, **given: Any) -> FineTuneRun:
    """A run on the task as changed, with the vectors of a run on the task as it is."""
    name = f"{change.__name__}-{'-'.join(map(str, given.values()))}"
    task = linked_task(folder / name, change)
    run = make_run(task, f"run-{name}", **(GRAPH | given))
    run = FineTuneRun(
        model=run.model, task=task, out=run.out, options=run.options, shared=folder / "shared"
    )
    finetune(run)
    return run


def head_bytes(run: FineTuneRun) -> bytes:
    return (run.out / "bundle" / "prediction.safetensors").read_bytes()


def said(run: FineTuneRun, part: str = "test") -> Any:
    return np.load(run.out / "predictions" / f"{part}.npz")["predictions"]


@pytest.mark.parametrize("edges", ["train", "all"])
def test_labels_of_the_test_part_change_nothing(
    make_run: MakeRun, tmp_path: Path, edges: str
) -> None:
    one, other = (
        trained(make_run, tmp_path, change, graph_edges=edges, epochs=2)
        for change in (dict, flipped)
    )
    assert head_bytes(one) == head_bytes(other)
    assert np.array_equal(said(one), said(other))


def test_pairs_of_the_test_part_are_no_links_unless_asked_for(
    make_run: MakeRun, tmp_path: Path
) -> None:
    whole, less = (trained(make_run, tmp_path, change, epochs=2) for change in (dict, untested))
    assert head_bytes(whole) == head_bytes(less)
    assert np.array_equal(said(whole)[:1], said(less))
    everything = trained(make_run, tmp_path, dict, graph_edges="all", epochs=2)
    heads = [load_bundle(run.out / "bundle").load_prediction() for run in (whole, everything)]
    counts = [head.settings.graph.edges for head in heads if head.settings.graph is not None]
    told = json.loads((whole.out / "results.json").read_text())
    assert told["network"]["links"] == counts[0] / 2
    assert counts[0] < counts[1]
    joined = [head.settings.graph.neighbours for head in heads if head.settings.graph is not None]
    assert joined == ["mean", "sum"]
    # What a model saw of the test part, its links, marks tests on it.
    table = csv.DictReader((everything.task / "data.csv").read_text().splitlines())
    tested = [row["sequence_a"] for row in table if row["split"] == "test"]
    seen = [load_bundle(run.out / "bundle").trained_on() for run in (whole, everything)]
    assert seen[1] is not None
    assert seen[1].hold(tested).all()


def test_which_protein_comes_first_changes_nothing(make_run: MakeRun, tmp_path: Path) -> None:
    one, other = (trained(make_run, tmp_path, change, epochs=2) for change in (dict, swapped))
    np.testing.assert_allclose(said(one), said(other), atol=1e-5)


def test_the_bundle_predicts_as_the_run_did_and_takes_new_proteins(
    make_run: MakeRun, tmp_path: Path
) -> None:
    run = trained(make_run, tmp_path, dict, graph_layers=2, hidden=4)
    predictor = Predictor.open(run.out / "bundle")
    table = csv.DictReader((run.task / "data.csv").read_text().splitlines())
    rows = [row for row in table if row["split"] == "test"]
    entries = [TableEntry(row["id"], (row["sequence_a"], row["sequence_b"])) for row in rows]
    found = np.concatenate([one.values for one in predictor.entries(entries)])
    np.testing.assert_allclose(found, said(run), atol=1e-5)
    known = entries[0].sequences[0]
    new = [TableEntry("new", ("KLDE", "AAAVVK")), TableEntry("half", (known, "AAAVVK"))]
    back = [TableEntry(entry.id, entry.sequences[::-1]) for entry in new]
    values, again = ([one.values for one in predictor.entries(asked)] for asked in (new, back))
    assert np.isfinite(values).all()
    assert np.array_equal(values, again)


def test_what_only_neighbours_tell_is_learnt(make_run: MakeRun, tmp_path: Path) -> None:
    """Pairs of proteins that say nothing by themselves, each linked to two that do."""
    folder = write_task(tmp_path / "task", "pair_binary", entries=100)
    rng = np.random.default_rng(1)
    plain = ["".join(rng.permutation(list("DEKRAILV" * 3))) for _ in range(30)]
    rows = []
    for number, protein in enumerate(plain):
        letters = ("DEKR", "AILV")[number % 2]
        telling = ("".join(rng.choice(list(letters), size=20)) for _ in range(2))
        rows += [(protein, other, number % 2, "train") for other in telling]
        end = plain[(number + 2 * int(rng.integers(1, 14))) % 30]
        rows.append((protein, end, number % 2, ("train", "valid", "test")[number // 2 % 3]))
    with (folder / "data.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["sequence_a", "sequence_b", "target", "split", "id"])
        table.writerows((*row, f"e{number}") for number, row in enumerate(rows))
    given = {"epochs": 15, "head_lr": 0.01}
    scores = {
        head: finetune(make_run(folder, head, head=head, **given))["tests"]["test"]["auroc"]
        for head in ("plain", "graph")
    }
    assert scores["graph"] > 0.95
    assert scores["plain"] < 0.9


class StoppedError(Exception):
    """Stands for a crash."""


def test_a_resumed_run_equals_the_uninterrupted_one_to_the_bit(
    make_run: MakeRun, tmp_path: Path
) -> None:
    task = linked_task(tmp_path / "task", dict)
    given = GRAPH | {"dropout": 0.3, "checkpoint_every": 3}
    straight, broken = (make_run(task, name, **given) for name in ("straight", "broken"))
    finetune(straight)
    looks: list[Any] = []

    def stop(look: Any) -> None:
        looks.append(look)
        if len(looks) == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        finetune(broken, on_look=stop)
    finetune(broken, resume=True)
    assert head_bytes(straight) == head_bytes(broken)


def test_each_fold_has_a_network_of_its_own(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(linked_task(tmp_path / "task", dict), valid_share=0.4, epochs=1, **GRAPH)
    found = cross_validate(run, Folding(count=3))
    assert len(found["folds"]) == 3
    graphs = []
    for number in (1, 2, 3):
        head = load_bundle(run.out / f"fold-{number:02d}" / "bundle").load_prediction()
        assert isinstance(head.graph, InteractionGraph)
        graphs.append(head.graph.edges)
    assert not torch.equal(graphs[0], graphs[1])
