from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multiprot.cli.main import main
from multiprot.data import Corpus, SyntheticOptions, make_synthetic_corpus
from multiprot.data.synthetic import synthetic_records
from multiprot.data.synthetic_ontology import mini_ontology
from multiprot.proteins import write_fasta, write_structure

Capture = pytest.CaptureFixture[str]
OPTIONS = SyntheticOptions(families=2, proteins_per_family=4, with_structure=0.5, with_go=1.0)


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """Eight sequences, some structures, annotations, ontology and splits."""
    folder = tmp_path / "in"
    (folder / "structures").mkdir(parents=True)
    pairs = list(synthetic_records(OPTIONS))
    write_fasta((record for record, _ in pairs), folder / "a.fasta")
    for record, _ in pairs:
        if record.structure is not None:
            write_structure(record, folder / "structures" / f"{record.id}.cif")
    mini_ontology(2).write_obo(folder / "go.obo")
    rows = [f"{r.id}\t{term}" for r, _ in pairs for term in sorted(r.go_terms or ())]
    (folder / "go.tsv").write_text("\n".join(["protein_id\tgo_id", *rows]) + "\n")
    rows = [f"{record.id}\t{split}" for record, split in pairs]
    (folder / "splits.tsv").write_text("\n".join(["protein_id\tsplit", *rows]) + "\n")
    return folder


Run = Callable[..., int]


@pytest.fixture
def build(inputs: Path, tmp_path: Path) -> Run:
    """`multiprot data build` with all inputs, some replaced or (None) removed."""

    def run(*flags: str, **changes: str | None) -> int:
        options: dict[str, str | None] = {
            "structures": str(inputs / "structures"),
            "sequences": str(inputs / "a.fasta"),
            "annotations": str(inputs / "go.tsv"),
            "ontology": str(inputs / "go.obo"),
            "splits": str(inputs / "splits.tsv"),
            "workers": "0",
            "out": str(tmp_path / "out"),
            **changes,
        }
        given = [
            part
            for name, value in options.items()
            if value is not None
            for part in (f"--{name.replace('_', '-')}", value)
        ]
        return main(["data", "build", *given, *flags])

    return run


def one_line(capsys: Capture) -> str:
    """The single line of an error; nothing went to stdout."""
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = (line for line in captured.err.splitlines() if line.startswith("error: "))
    return line


def test_build_makes_a_corpus_and_prints_a_table(
    build: Run, tmp_path: Path, capsys: Capture
) -> None:
    assert build() == 0
    corpus = Corpus.open(tmp_path / "out")
    corpus.verify()
    assert len(corpus) == 8
    out = capsys.readouterr().out
    assert "split" in out
    assert "sequence inputs: 8 kept, refused: none" in out


def test_build_prints_json_alone_on_stdout(build: Run, tmp_path: Path, capsys: Capture) -> None:
    assert build("--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["content_hash"] == Corpus.open(tmp_path / "out").content_hash
    assert sum(split["proteins"] for split in summary["splits"].values()) == 8


def test_inspect_shows_what_build_showed(build: Run, tmp_path: Path, capsys: Capture) -> None:
    build()
    built = capsys.readouterr().out
    assert main(["data", "inspect", str(tmp_path / "out"), "--verify"]) == 0
    assert capsys.readouterr().out == built


def test_progress_goes_to_stderr(build: Run, capsys: Capture) -> None:
    build("--json")
    captured = capsys.readouterr()
    assert "structures" not in captured.out.split("{")[0]
    assert "sequences" in captured.err


def test_all_options_reach_the_build(
    build: Run, inputs: Path, tmp_path: Path, capsys: Capture
) -> None:
    screen = inputs / "screen.tsv"
    screen.write_text("protein_id\ttask\nfamily000-0000\tx\nfamily000-0001\ty\n")
    code = build(
        *("--exclude-task", "x", "--evidence", "IDA", "--evidence", "", "--regulates", "--json"),
        exclude=str(screen),
        splits=None,
        cluster_identity="1.0",
        valid_share="0.25",
        test_share="0.25",
        split_seed="3",
        unknown_terms="skip",
        on_mismatch="refuse",
    )
    assert code == 0, capsys.readouterr().err
    options = Corpus.open(tmp_path / "out").manifest["options"]
    assert options["exclude_tasks"] == ["x"]
    assert options["evidence"] == ["IDA", ""]
    assert options["regulates"] is True
    assert (options["valid_share"], options["test_share"]) == (0.25, 0.25)
    assert (options["split_seed"], options["cluster_identity"]) == (3, 1.0)
    assert (options["unknown_terms"], options["on_mismatch"]) == ("skip", "refuse")


def test_overwrite_replaces(build: Run, tmp_path: Path, capsys: Capture) -> None:
    build()
    capsys.readouterr()
    assert build() == 2
    assert "already exists" in one_line(capsys)
    assert build("--overwrite", splits=None) == 0
    assert set(Corpus.open(tmp_path / "out").splits) == {"train"}


BAD_FILES = {
    "empty": b"",
    "garbage": bytes(range(256)) * 4,
    "truncated gz": gzip.compress(os.urandom(5000))[:-50],
    "wrong encoding": b">p\nMK\xe9\nprotein_id\tgo_id\xe9\n",
}


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES.keys())
@pytest.mark.parametrize("option", ["sequences", "annotations", "ontology", "splits", "features"])
def test_bad_files_are_one_clear_line(
    build: Run, tmp_path: Path, capsys: Capture, option: str, content: bytes
) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(content)
    assert build(**{option: str(bad)}) == 2
    assert str(bad) in one_line(capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "option", ["structures", "sequences", "annotations", "ontology", "splits", "exclude"]
)
def test_missing_paths_are_named(build: Run, tmp_path: Path, capsys: Capture, option: str) -> None:
    assert build(**{option: str(tmp_path / "nowhere")}) == 2
    line = one_line(capsys)
    assert str(tmp_path / "nowhere") in line
    assert "no such" in line


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (b"protein_id\tgo_id\na\tGO:7654321\n", "GO:7654321"),
        (b"protein_id\tgo_id\taspect\na\tGO:9101000\tC\n", "GO:9101000"),
        (b"protein_id\tgo_id\na\tnonsense\n", "nonsense"),
    ],
    ids=["unknown", "wrong namespace", "no id at all"],
)
def test_terms_that_do_not_fit_are_named(
    build: Run, inputs: Path, capsys: Capture, rows: bytes, message: str
) -> None:
    (inputs / "go.tsv").write_bytes(rows)
    assert build() == 2
    assert message in one_line(capsys)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (">a\nMKT\n>a\nMKV\n", "'a' was already used"),
        (">a\n>b\nMKT\n", "has no residues"),
        ("MKT\n", "not a FASTA file"),
        (">a\nMK1T\n", "stands for no residue"),
    ],
    ids=["duplicate", "no residues", "no header", "digit"],
)
def test_bad_sequences_are_named(
    build: Run, inputs: Path, capsys: Capture, text: str, message: str
) -> None:
    (inputs / "a.fasta").write_text(text)
    assert build() == 2
    assert message in one_line(capsys)


def test_a_mismatch_is_named(build: Run, inputs: Path, capsys: Capture) -> None:
    path = sorted((inputs / "structures").iterdir())[0]
    (inputs / "a.fasta").write_text(f">{path.stem}\nMKTAY\n")
    assert build() == 2
    line = one_line(capsys)
    assert path.stem in line
    assert "--on-mismatch refuse" in line


def test_nothing_left_is_an_error(
    build: Run, inputs: Path, tmp_path: Path, capsys: Capture
) -> None:
    (inputs / "splits.tsv").write_text("protein_id\tsplit\nnobody\ttrain\n")
    assert build() == 2
    assert "no records left" in one_line(capsys)
    assert not (tmp_path / "out").exists()


def test_a_leak_is_named(build: Run, inputs: Path, capsys: Capture) -> None:
    (inputs / "splits.tsv").write_text("protein_id\tsplit\tcluster\na\ttrain\tX\nb\ttest\tX\n")
    assert build() == 2
    assert "leak: a (train) and b (test)" in one_line(capsys)


def test_an_output_under_a_file_is_refused(
    build: Run, inputs: Path, tmp_path: Path, capsys: Capture
) -> None:
    (tmp_path / "file").write_text("")
    assert build(out=str(tmp_path / "file" / "out")) == 2
    assert "file" in one_line(capsys)
    assert build(out=str(tmp_path / "file")) == 2
    assert "already exists" in one_line(capsys)


def test_a_read_only_folder_is_refused(
    build: Run, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The superuser may write anywhere: ask as somebody who may not.
    allowed = os.access

    def access(path: Any, mode: int, **options: Any) -> bool:
        return mode != os.W_OK and allowed(path, mode, **options)

    monkeypatch.setattr(os, "access", access)
    assert build() == 2
    assert "permission denied" in one_line(capsys)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sequences": None, "structures": None}, "neither structures nor sequences"),
        ({"ontology": None}, "annotations need an ontology"),
        ({"cluster_identity": "0.3"}, "splits and cluster_identity exclude each other"),
        ({"cluster_identity": "30", "splits": None}, "--cluster-identity 30"),
        ({"on_mismatch": "ignore"}, "--on-mismatch ignore"),
        ({"workers": "-2"}, "--workers -2"),
        ({"workers": "two"}, "--workers"),
        ({"out": None}, "--out"),
    ],
)
def test_wrong_options_are_named(
    build: Run, capsys: Capture, options: dict[str, str | None], message: str
) -> None:
    assert build(**options) == 2
    assert message in one_line(capsys)


def test_missing_mmseqs_is_named(
    build: Run, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert build(splits=None, cluster_identity="0.3") == 2
    assert "mmseqs2" in one_line(capsys)


def test_inspect_refuses_what_is_no_corpus(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(bytes(range(256)))
    for name in ("nowhere", "empty", "file"):
        assert main(["data", "inspect", str(tmp_path / name)]) == 2
        assert name in one_line(capsys)


def test_inspect_refuses_a_damaged_corpus(tmp_path: Path, capsys: Capture) -> None:
    corpus = make_synthetic_corpus(tmp_path / "c", families=1, proteins_per_family=3)
    shard = corpus.path / "shards/part-00000.parquet"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(bytes(content))
    assert main(["data", "inspect", "--verify", str(corpus.path)]) == 2
    assert "part-00000.parquet: altered" in one_line(capsys)
    shard.write_bytes(bytes(content[:-5]))
    assert main(["data", "inspect", str(corpus.path)]) == 2
    assert "truncated" in one_line(capsys)


def test_help_needs_no_torch() -> None:
    code = (
        "import sys\nfrom multiprot.cli.main import main\n"
        "main(['data', 'build', '--help'])\nsys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0
    assert b"--exclude-task" in done.stdout
