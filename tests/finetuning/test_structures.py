"""Fine-tuning with structures: they tell what sequences do not, and where there is none is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from multiprot.embedding import Embedder
from multiprot.embedding.reading.reader import InputReader
from multiprot.errors import ConfigError, EvaluationError, FileFormatError, TrainingError
from multiprot.evaluation.structures import StructureLibrary, StructureOptions
from multiprot.evaluation.tasks import load_task
from multiprot.finetuning import FineTuneRun, Folding, Predictor, cross_validate, finetune
from multiprot.finetuning.encoder_alone import StructureChoice
from multiprot.finetuning.entries import read_entries
from multiprot.finetuning.start import open_start
from multiprot.proteins import ProteinRecord, read_structure_file
from multiprot.proteins.structure_writer import write_structure
from multiprot.testing.records import protein
from multiprot.training.finetune.options import FineTuneOptions
from tests.finetuning.conftest import MakeRun
from tests.finetuning.planted import write_task
from tests.finetuning.shapes import write_shapes

TINY = ("layers=1", "width=12", "heads=2")
BESIDE = {"structure_encoder": "residue-geometry", "structure_options": ("width=10", "layers=1")}
MakeShapes = Callable[..., FineTuneRun]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A task, and the structures of all but its last four proteins."""
    return write_shapes(tmp_path / "data", entries=100, without=4)


@pytest.fixture
def make_shapes(make_run: MakeRun, folders: tuple[Path, Path]) -> MakeShapes:
    """A run on the task, with an encoder of structures beside one of sequences."""
    task, structures = folders

    def make(out: str = "run", **given: Any) -> FineTuneRun:
        options = {"model": "residue-transformer", "encoder_options": TINY} | given
        run = replace(make_run(task, out, **options), **BESIDE)
        return replace(run, structures=StructureOptions(structures=structures))

    return make


def test_what_structures_tell_is_learnt_and_sequences_do_not_tell_it(
    make_shapes: MakeShapes,
) -> None:
    given = {"epochs": 12, "patience": 12, "backbone_lr": 5e-3, "head_lr": 0.02}
    seen = finetune(make_shapes("seen", mode="parts", learns=("structure",), **given))
    run = replace(make_shapes("blind", **given), structures=StructureOptions())
    blind = finetune(replace(run, structure_encoder=None, structure_options=()))
    assert seen["tests"]["test"]["accuracy"] >= 0.85
    assert blind["tests"]["test"]["accuracy"] < 0.8


def test_results_say_how_many_have_a_structure(make_shapes: MakeShapes) -> None:
    told = finetune(make_shapes(epochs=1))["structures"]
    assert (told["sequences"], told["same"], told["similar"], told["without"]) == (100, 96, 0, 4)
    assert (told["files"], told["chains"], told["unreadable"]) == (96, 96, 0)
    # The last four are two of train, one of valid and one of test.
    assert told["parts"] == {
        "train": {"entries": 60, "without": 2},
        "valid": {"entries": 20, "without": 1},
        "test": {"entries": 20, "without": 1},
    }


@pytest.mark.parametrize("mode", ["frozen", "parts"])
def test_the_bundle_predicts_from_structure_files_what_was_scored(
    mode: str, make_shapes: MakeShapes, folders: tuple[Path, Path]
) -> None:
    learns = ("structure",) if mode == "parts" else ()
    run = make_shapes(mode=mode, learns=learns)
    finetune(run)
    predictor = Predictor.open(run.out / "bundle")
    assert predictor.settings.structures
    records = [read_structure_file(path)[0].record for path in sorted(folders[1].iterdir())]
    said = {p.sequence: float(p.values[0]) for p in predictor.proteins(records)}
    scored = np.load(run.out / "predictions" / "test.npz")
    sequences = dict(line.split(",")[:2] for line in (folders[0] / "data.csv").open())
    compared = 0
    for name, value in zip(scored["ids"], scored["predictions"], strict=True):
        if sequences[name] in said:
            assert said[sequences[name]] == pytest.approx(float(value), abs=1e-4)
            compared += 1
    assert compared == 19
    bare = [replace(record, structure=None) for record in records[:5]]
    without = [float(p.values[0]) for p in predictor.proteins(bare)]
    assert not np.allclose(without, [said[record.sequence] for record in bare], atol=1e-3)


def test_vectors_of_other_structures_are_other_vectors(
    make_shapes: MakeShapes, folders: tuple[Path, Path]
) -> None:
    """The cache in a run's folder must not give those of the former folder of structures."""
    run = make_shapes("one", epochs=1)
    shared = run.out.parent / "kept"
    first = finetune(replace(run, shared=shared))
    for path in sorted(folders[1].iterdir())[:48]:
        path.unlink()
    second = finetune(replace(make_shapes("two", epochs=1), shared=shared))
    assert first["structures"]["same"] - second["structures"]["same"] == 48
    assert first["valid"] != second["valid"]


def test_a_run_with_other_structures_is_not_gone_on_with(
    make_shapes: MakeShapes, folders: tuple[Path, Path]
) -> None:
    run = make_shapes(epochs=1)
    finetune(run)
    (run.out / "results.json").unlink()
    finetune(run, resume=True)
    (run.out / "results.json").unlink()
    bare = replace(run, structures=StructureOptions())
    with pytest.raises(TrainingError, match="cannot resume another run: structures"):
        finetune(bare, resume=True)
    next(folders[1].iterdir()).unlink()
    with pytest.raises(TrainingError, match="structures_hash"):
        finetune(run, resume=True)


def test_folds_have_their_structures(make_shapes: MakeShapes) -> None:
    run = make_shapes(epochs=1, mode="parts", learns=("structure",), valid_share=0.2)
    results = cross_validate(run, Folding(count=3))
    assert results["structures"]["without"] == 4
    fold = (run.out / "fold-01" / "results.json").read_text()
    assert '"structures": {' in fold


def normalised(values: torch.Tensor) -> torch.Tensor:
    return functional.layer_norm(values, values.shape[-1:])


def test_two_encoders_side_by_side_give_both_their_tokens(tmp_path: Path) -> None:
    """Each by itself, and zeros in the other's channels where there is no structure."""
    start = open_start(
        "residue-transformer",
        FineTuneOptions(),
        tmp_path / "start",
        encoder_options=TINY,
        beside=StructureChoice("residue-geometry", ("width=10", "layers=1")),
    )
    assert start.name == "residue-transformer+residue-geometry"
    model = start.bundle.model
    assert model.structure is not None
    records = [protein(np.random.default_rng(n), f"p{n}", 15 + n) for n in range(3)]
    both = Embedder.from_bundle(start.bundle).embed_residues(records)
    alone = Embedder.open("residue-transformer", encoder_options=TINY).embed_residues(records)
    assert both.residues is not None
    assert alone.residues is not None
    for record, found, own in zip(records, both.residues, alone.residues, strict=True):
        with torch.no_grad():
            shaped = model.structure(model.structure.featurizer([record], "padded")).values[0]
        # Half of the channels are zeros when a stream is normalised in the width of both.
        first = normalised(functional.pad(normalised(torch.from_numpy(own)), (0, 10)))
        second = normalised(functional.pad(normalised(shaped), (12, 0)))
        np.testing.assert_allclose(found, (first + second).numpy(), atol=1e-3)
    np.testing.assert_allclose(
        both.vectors, [tokens.mean(axis=0) for tokens in both.residues], atol=1e-4
    )
    bare = [replace(record, structure=None) for record in records]
    vectors = Embedder.from_bundle(start.bundle).embed(bare).vectors
    np.testing.assert_allclose(vectors[:, 12:], 0.0, atol=1e-6)


def test_the_seed_draws_the_structure_encoder_and_not_the_other(tmp_path: Path) -> None:
    made = [
        open_start(
            "residue-transformer",
            FineTuneOptions(seed=seed),
            tmp_path / name,
            encoder_options=TINY,
            beside=StructureChoice("residue-geometry"),
        ).bundle.model.state_dict()
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    differ = {name.split(".")[0] for name in made[0] if not made[0][name].equal(made[2][name])}
    assert differ == {"structure"}
    assert all(made[0][name].equal(made[1][name]) for name in made[0])


def test_bad_requests_leave_nothing_behind(
    make_shapes: MakeShapes, make_run: MakeRun, folders: tuple[Path, Path], tiny_bundle: Path
) -> None:
    run = make_shapes()
    empty = folders[0].parent / "empty"
    empty.mkdir()
    for options, error, told in [
        (StructureOptions(structures=empty), FileFormatError, "no structure file"),
        (StructureOptions(structures=empty / "none"), FileFormatError, "no such folder"),
    ]:
        with pytest.raises(error, match=told):
            finetune(replace(run, structures=options))
    with pytest.raises(ConfigError, match="--structure-encoder residue-geometry is for a sequence"):
        finetune(replace(run, model=str(tiny_bundle), encoder_options=()))
    with pytest.raises(ConfigError, match="name it with --structure-encoder"):
        finetune(replace(run, structure_encoder=None))
    assert not run.out.exists()


def test_a_folder_that_knows_none_of_the_proteins_says_so(
    make_shapes: MakeShapes, tmp_path: Path
) -> None:
    """Learning from structures that nobody has would pass for a result."""
    far = tmp_path / "far"
    far.mkdir()
    write_structure(protein(np.random.default_rng(5), "far", 40), far / "far.cif")
    run = replace(
        make_shapes(mode="parts", learns=("structure",)),
        structures=StructureOptions(structures=far),
    )
    with pytest.raises(EvaluationError, match="not one of 60 training entries"):
        finetune(run)


def test_sequences_alone_find_their_structures(
    make_shapes: MakeShapes, folders: tuple[Path, Path], tiny_bundle: Path
) -> None:
    """As `multiprot predict proteins.fasta --structures FOLDER`."""
    run = make_shapes(epochs=1)
    finetune(run)
    library = StructureLibrary(folders[1])
    records = [read_structure_file(path)[0].record for path in sorted(folders[1].iterdir())]
    bare = [replace(record, structure=None) for record in records]
    said = {}
    for name, given, structures in (
        ("own", records, None),
        ("found", bare, library),
        ("none", bare, None),
    ):
        predictor = Predictor.open(run.out / "bundle", structures=structures)
        said[name] = list(predictor.proteins(given))
    assert all(p.structured for name in ("own", "found") for p in said[name])
    assert not any(p.structured for p in said["none"])
    values = {name: np.concatenate([p.values for p in found]) for name, found in said.items()}
    np.testing.assert_allclose(values["own"], values["found"], atol=1e-5)
    assert np.abs(values["own"] - values["none"]).max() > 1e-3
    blind = make_shapes("blind", epochs=1)
    finetune(replace(blind, structures=StructureOptions()))
    with pytest.raises(EvaluationError, match="was fine-tuned without structures"):
        Predictor.open(blind.out / "bundle", structures=library)


def test_pairs_have_structures_too(make_run: MakeRun, tiny_bundle: Path, tmp_path: Path) -> None:
    """Vectors of both proteins, as in training: what was scored is what is predicted."""
    task = write_task(tmp_path / "pairs", "pair_binary")
    loaded = load_task(task)
    structures = tmp_path / "structures"
    structures.mkdir()
    rng = np.random.default_rng(1)
    for number, sequence in enumerate(loaded.unique_sequences()[:50]):
        made = protein(rng, f"f{number}", len(sequence))
        write_structure(replace(made, sequence=sequence), structures / f"f{number}.cif")
    options = StructureOptions(structures=structures)
    run = replace(make_run(task, mode="parts", learns=("structure",)), structures=options)
    finetune(run)
    predictor = Predictor.open(run.out / "bundle", structures=StructureLibrary(structures))
    rows = read_entries(task / "data.csv", predictor.settings)
    said = {p.id: p for p in predictor.entries(rows)}
    assert sum(p.structured for p in said.values()) == 50
    scored = np.load(run.out / "predictions" / "test.npz")
    for name, value in zip(scored["ids"], scored["predictions"], strict=True):
        assert float(said[name].values[0]) == pytest.approx(float(value), abs=1e-4)


def test_input_readers_give_predictions_their_structures(
    make_shapes: MakeShapes, folders: tuple[Path, Path]
) -> None:
    """As `multiprot predict FOLDER` reads them."""
    run = make_shapes(epochs=1)
    finetune(run)
    predictor = Predictor.open(run.out / "bundle")
    reader = InputReader([str(folders[1])])
    rows = [row.record for row in reader.rows()]
    records = [record for record in rows if isinstance(record, ProteinRecord)]
    assert len(list(predictor.proteins(records))) == 96
