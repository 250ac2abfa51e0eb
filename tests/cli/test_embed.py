"""`multiprot embed`, as a user runs it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from multiprot.bundle import load_bundle
from multiprot.cli.main import main
from multiprot.data.synthetic import make_synthetic_corpus
from multiprot.embedding import Embedder, EmbeddingStore
from multiprot.errors import EmbeddingError
from multiprot.proteins import ProteinRecord, write_fasta, write_structure

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tiny_bundle: Path) -> Run:
    """Runs the verb with the tiny model; gives exit code, stdout and stderr."""

    def call(*arguments: object, model: Path = tiny_bundle) -> tuple[int, str, str]:
        code = main(["embed", *map(str, arguments), "--model", str(model)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def fasta(tiny_records: tuple[ProteinRecord, ...], tmp_path: Path) -> Path:
    write_fasta(tiny_records, tmp_path / "in.fasta")
    return tmp_path / "in.fasta"


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if "out" in path.name)


def test_fasta_to_vectors(
    run: Run,
    fasta: Path,
    tmp_path: Path,
    tiny_bundle: Path,
    tiny_records: tuple[ProteinRecord, ...],
) -> None:
    code, out, err = run(fasta, "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    assert out.startswith("12 proteins, 24 numbers each (protein space)")
    assert "from sequence" in out
    assert "residues/s on cpu" in out
    assert "next: python -c" in out
    store = EmbeddingStore.open(tmp_path / "out")
    assert store.ids == tuple(record.id for record in tiny_records)
    embedder = Embedder.from_bundle(tiny_bundle)
    bare = [ProteinRecord(id=r.id, sequence=r.sequence) for r in tiny_records]
    np.testing.assert_array_equal(store.vectors(), embedder.embed(bare).vectors)
    assert store.manifest["model"]["content_hash"] == load_bundle(tiny_bundle).content_hash
    assert store.manifest["model"]["name"] == "tiny"


def test_the_printed_next_step_works(run: Run, fasta: Path, tmp_path: Path) -> None:
    _, out, _ = run(fasta, "--out", tmp_path / "out 'quoted'")
    command = out.splitlines()[-1].removeprefix("next: ")
    shell = command.replace("python", sys.executable, 1)
    found = subprocess.run(shell, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    assert found.stdout == "(12, 24)\n"


def test_a_mixed_folder_says_what_each_vector_used(
    run: Run, fasta: Path, tmp_path: Path, tiny_records: tuple[ProteinRecord, ...]
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    bearing = [record for record in tiny_records if record.structure is not None][:3]
    for number, record in enumerate(bearing):
        write_structure(record, folder / f"s{number}.cif")
    fasta.rename(folder / "z.fasta")
    code, out, _ = run(folder, "--out", tmp_path / "out", "--residues", "--json")
    assert code == 0
    summary = json.loads(out)
    assert summary["proteins"] == 15
    assert summary["modalities"] == {"sequence": 12, "sequence+structure": 3}
    store = EmbeddingStore.open(tmp_path / "out")
    assert [protein.modalities for protein in store][:4] == [
        *[("sequence", "structure")] * 3,
        ("sequence",),
    ]
    assert store.residues("s0").shape == (len(bearing[0]), 24)


def test_a_corpus_keeps_its_order(run: Run, tmp_path: Path) -> None:
    corpus = make_synthetic_corpus(tmp_path / "corpus", families=2, proteins_per_family=4)
    code, _, _ = run(tmp_path / "corpus", "--out", tmp_path / "out", "--space", "shared")
    assert code == 0
    store = EmbeddingStore.open(tmp_path / "out")
    assert store.ids == corpus.ids
    np.testing.assert_allclose(np.linalg.norm(store.vectors(), axis=1), 1, atol=1e-6)


def test_long_proteins(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "long.fasta"
    path.write_text(f">short\nACD\n>titin\n{'ACDEFGHIKL' * 30}\n")
    code, out, _ = run(path, "--out", tmp_path / "out")
    assert code == 0
    assert "in windows, beyond 96 residues" in out
    assert EmbeddingStore.open(tmp_path / "out").manifest["windowed"] == 1
    shorter = ("--max-residues", "50", "--window-overlap", "10")
    code, out, _ = run(path, "--out", tmp_path / "shorter", *shorter)
    assert code == 0
    assert "in windows, beyond 50 residues" in out
    table = EmbeddingStore.open(tmp_path / "shorter").manifest["options"]
    assert (table["max_residues"], table["window_overlap"]) == (50, 10)
    refusing = (path, "--out", tmp_path / "refusing", "--long-proteins", "refuse")
    code, _, err = run(*refusing, "--strict")
    assert code == 2
    assert err.startswith("error: protein titin: 300 residues, the limit is 96")
    assert left_behind(tmp_path) == ["out"]
    code, out, err = run(*refusing)
    assert code == 0
    assert "1 of 2 inputs refused, the first: protein titin: 300 residues, the limit is 96" in err
    assert EmbeddingStore.open(tmp_path / "refusing").ids == ("short",)


def test_what_cannot_be_used_is_refused_by_name_and_the_rest_embedded(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "some.fasta"
    path.write_text(">a\nACD\n>b\nAC1\n>c\nEFG\n")
    (tmp_path / "broken.cif").write_bytes(b"\x00\x01")
    arguments = (path, tmp_path / "broken.cif", "--out", tmp_path / "out")
    code, out, err = run(*arguments, "--strict")
    assert (code, out) == (2, "")
    assert "line 4" in err
    assert left_behind(tmp_path) == []
    code, out, err = run(*arguments)
    assert code == 0
    assert err.startswith("warning: 2 of 4 inputs refused, the first: ")
    assert "line 4" in err
    assert "refused" in out
    store = EmbeddingStore.open(tmp_path / "out")
    assert store.ids == ("a", "c")
    assert [failure.id for failure in store.failures] == ["some.fasta:b", "broken.cif"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.fasta", b"", "empty"),
        ("binary.fasta", bytes(range(256)), "binary"),
        ("cut.fasta.gz", b"\x1f\x8b\x08\x00\x00", "cut short"),
        ("twice.fasta", b">a\nACD\n>a\nACD\n", "rename one of the two"),
        ("none.fasta", b">a\n\n", "no residues"),
        ("empty.cif", b"", "empty"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    run: Run, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    for arguments in ((), ("--strict",)):
        code, out, err = run(tmp_path / name, "--out", tmp_path / "out", *arguments)
        if name == "twice.fasta" and not arguments:
            assert code == 0
            EmbeddingStore.open(tmp_path / "out")
            shutil.rmtree(tmp_path / "out")
            continue
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert err.startswith("error: ")
        assert name in err
        assert message in err
        assert left_behind(tmp_path) == []


def test_missing_things_are_named(run: Run, fasta: Path, tmp_path: Path) -> None:
    code, _, err = run(tmp_path / "nowhere.fasta", "--out", tmp_path / "out")
    assert (code, "no such file or folder" in err) == (2, True)
    code, _, err = run(fasta, "--out", tmp_path / "out", model=tmp_path / "no-model")
    assert (code, "name the folder of a model bundle" in err) == (2, True)
    code, _, err = run(fasta, "--out", tmp_path / "out", "--device", "toaster")
    assert (code, "device 'toaster' cannot be used" in err) == (2, True)
    assert left_behind(tmp_path) == []


def test_what_exists_is_kept_unless_told_otherwise(run: Run, fasta: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    code, _, err = run(fasta, "--out", tmp_path / "out")
    assert code == 2
    assert "already exists" in err
    assert (tmp_path / "out" / "mine.txt").read_text() == "precious"
    assert run(fasta, "--out", tmp_path / "out", "--overwrite")[0] == 0
    assert len(EmbeddingStore.open(tmp_path / "out")) == 12


def test_a_failed_overwrite_keeps_the_old_store(run: Run, fasta: Path, tmp_path: Path) -> None:
    run(fasta, "--out", tmp_path / "out")
    (tmp_path / "bad.fasta").write_text(">x\nAC1\n")
    assert run(tmp_path / "bad.fasta", "--out", tmp_path / "out", "--overwrite")[0] == 2
    assert len(EmbeddingStore.open(tmp_path / "out")) == 12


def test_a_read_only_folder_is_refused(
    run: Run, fasta: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multiprot.files.os.access", lambda path, mode: mode != os.W_OK)
    code, _, err = run(fasta, "--out", tmp_path / "out")
    assert code == 2
    assert "permission denied" in err


def test_standard_input_through_a_pipe(fasta: Path, tmp_path: Path, tiny_bundle: Path) -> None:
    command = [sys.executable, "-m", "multiprot.cli.main", "embed", "-"]
    found = subprocess.run(
        [*command, "--model", tiny_bundle, "--out", tmp_path / "out", "--json"],
        stdin=subprocess.Popen(["cat", fasta], stdout=subprocess.PIPE).stdout,
        capture_output=True,
        check=True,
    )
    assert json.loads(found.stdout)["proteins"] == 12
    (ledger,) = EmbeddingStore.open(tmp_path / "out").ledger()
    assert set(ledger["source"].to_pylist()) == {"standard input"}


def test_no_trainer_is_needed(fasta: Path, tmp_path: Path, tiny_bundle: Path) -> None:
    """Only what the wheel requires is imported: nothing of the extras `train`, `docs`, `dev`."""
    code = f"""
        import sys

        class Refuse:
            names = {{"lightning", "pytorch_lightning", "pytorch_metric_learning", "tensorboard",
                      "sklearn", "pandas", "hypothesis", "pytest", "transformers"}}

            def find_spec(self, name, path=None, target=None):
                if name.split(".")[0] in self.names:
                    raise ModuleNotFoundError(f"{{name}} is not for embedding users", name=name)

        sys.meta_path.insert(0, Refuse())
        from multiprot.cli.main import main
        sys.exit(main(["embed", {str(fasta)!r}, "--model", {str(tiny_bundle)!r},
                       "--out", {str(tmp_path / "out")!r}, "--residues"]))
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, capture_output=True)
    assert len(EmbeddingStore.open(tmp_path / "out")) == 12


def test_help_needs_no_torch() -> None:
    code = (
        "import sys; from multiprot.cli.main import main; code = main(['embed', '--help']); "
        "sys.exit(code or 'torch' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "--long-proteins" in found.stdout


@pytest.mark.long
@pytest.mark.parametrize("after", [0.0, 0.3])
def test_a_killed_run_leaves_nothing_that_opens(
    tmp_path: Path, tiny_bundle: Path, after: float
) -> None:
    """SIGKILL at several moments after the first vectors were written."""
    letters = "ACDEFGHIKLMNPQRSTVWY"
    rng = np.random.default_rng(0)
    with (tmp_path / "many.fasta").open("w") as handle:
        for number in range(40_000):
            handle.write(f">p{number}\n{''.join(rng.choice(list(letters), size=80))}\n")
    command = [sys.executable, "-m", "multiprot.cli.main", "embed", str(tmp_path / "many.fasta")]
    process = subprocess.Popen(
        [*command, "--model", str(tiny_bundle), "--out", str(tmp_path / "out"), "--overwrite"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("out.unfinished/*.parquet")) and time.monotonic() < deadline:
        if process.poll() is not None:
            pytest.fail(f"the run ended by itself with {process.returncode}")
        time.sleep(0.01)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    with pytest.raises(EmbeddingError, match="was never finished"):
        EmbeddingStore.open(tmp_path / "out.unfinished")
