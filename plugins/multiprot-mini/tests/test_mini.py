"""The weights that are shipped: whole, small, honest about themselves, and of use."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy

from multiprot.bundle import TrainingSequences
from multiprot.data.exclusion import Exclusion
from multiprot.embedding import Embedder, EmbeddingStore
from multiprot.encoders.reference.letters import MASK
from multiprot.proteins import ProteinRecord, read_fasta, residue_indices, write_fasta
from multiprot.student import ShippedOptions
from multiprot.student.checkpoint import load_student, read_settings
from multiprot_mini.plugin import WEIGHTS, mini

LARGEST_BYTES = 16_000_000
SHARED = Path(os.environ.get("MULTIPROT_SHARED", Path(__file__).parents[4] / "shared"))
UBIQUITIN = "MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG"


def test_tensors_are_small_and_finite() -> None:
    path = WEIGHTS / "model.safetensors"
    assert path.stat().st_size <= LARGEST_BYTES
    for tensor in load_file(path).values():
        assert tensor.dtype == torch.bfloat16
        assert bool(tensor.isfinite().all())


def test_the_card_tells_all_that_it_must() -> None:
    card = (WEIGHTS / "README.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (.+)\n\n((?:(?!^## ).*\n)+)", card, flags=re.MULTILINE))
    for heading in (
        "What it was trained on",
        "What was left out",
        "Splits",
        "How it was trained",
        "Results",
        "Licence",
        "Sources",
        "Limits",
        "Valid split while training",
    ):
        assert "Not recorded." not in sections[heading], heading
    training = sections["How it was trained"]
    for told in ("command: multiprot pretrain", "machine: ", "date: ", "seconds: ", "steps: "):
        assert told in training
    assert "excluded: " in sections["What was left out"]


def test_the_curve_goes_down() -> None:
    curve = read_settings(WEIGHTS).provenance["valid_split_while_training"]
    assert len(curve) > 5
    losses = [look["loss"] for look in curve]
    assert losses[-1] == min(losses)
    assert losses[-1] < losses[0] - 0.2


def test_what_stands_around_helps_it_to_guess() -> None:
    """Each residue of a protein hidden alone, and all at once; benchmarks/ measures the rest."""
    letters = torch.from_numpy(residue_indices(UBIQUITIN).astype(np.int64))
    student, length = load_student(WEIGHTS), torch.tensor([len(letters)])
    with torch.inference_mode():
        blind = cross_entropy(student(torch.full_like(letters, MASK), length), letters)
        guesses = []
        for place in range(len(letters)):
            shown = letters.clone()
            shown[place] = MASK
            guesses.append(student(shown, length)[place])
    assert float(cross_entropy(torch.stack(guesses), letters)) < float(blind) - 0.02


def test_embedding_needs_no_model_and_no_network(tmp_path: Path) -> None:
    """In a process of its own, whose sockets do not connect."""
    proteins = [
        ProteinRecord(id="ubiquitin", sequence=UBIQUITIN),
        ProteinRecord(id="one", sequence="M"),
        ProteinRecord(id="unknown", sequence="XXUOBZ"),
    ]
    write_fasta(proteins, tmp_path / "asked.fasta")
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise OSError('no network here')\n"
        "socket.socket.connect = refuse\n"
        "socket.create_connection = refuse\n"
        "from multiprot.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", code, "embed", "asked.fasta", "--out", "vectors"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "random" not in done.stderr
    store = EmbeddingStore.open(tmp_path / "vectors")
    said = Embedder.open().embed(read_fasta(tmp_path / "asked.fasta"))
    np.testing.assert_allclose(store.vectors(), said.vectors, rtol=1e-5, atol=1e-6)
    assert store.manifest["model"]["name"] == "mini"


def test_a_saved_model_needs_no_weights_of_ours() -> None:
    """What a bundle records builds the same shape, for the bundle's own tensors."""
    shipped: Any = mini.build(ShippedOptions(freeze="all"))
    remade: Any = mini.build(ShippedOptions.model_validate(shipped.portable_options))
    shapes = [{n: t.shape for n, t in each.state_dict().items()} for each in (shipped, remade)]
    assert shapes[0] == shapes[1]
    assert remade.trained_on is None
    assert not any(p.requires_grad for p in remade.parameters())


def test_no_protein_too_close_to_a_downstream_test_was_learnt() -> None:
    data = SHARED / "data" / "pretrain"
    if not data.is_dir():
        pytest.skip(f"real data absent: no {data} (set MULTIPROT_SHARED)")
    known = TrainingSequences.load(WEIGHTS / "trained_on.npy")
    assert len(known) > 100_000
    barred = Exclusion.read(data / "downstream_screen.tsv.gz")
    records = list(read_fasta(data / "sequences.fasta.gz"))
    close = [record.sequence for record in records if record.id in barred.of_protein]
    assert len(close) > 100
    assert not known.hold(close).any()
    # And those that nobody barred were.
    assert known.hold([record.sequence for record in records]).mean() > 0.5
