"""One process at a time; the dead hold no lock."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest

from multiprot.errors import EmbeddingError
from multiprot.proteins import ProteinRecord
from tests.embedding.ledger.runs import content_of, embedded, entries, fasta, small


def test_a_second_run_is_refused_at_once_and_harms_nothing(tmp_path: Path) -> None:
    path, out = fasta(tmp_path / "in.fasta", entries(9)), tmp_path / "out"
    refused = []

    def meanwhile(records: Sequence[ProteinRecord]) -> None:
        for settings in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(EmbeddingError, match="another process is writing this store") as e:
                embedded(path, out, small(), **settings)
            refused.append(str(e.value))

    embedded(path, out, small(meanwhile))
    assert len(refused) == 9
    assert "out.lock" in refused[0]
    embedded(path, tmp_path / "whole")
    assert content_of(out) == content_of(tmp_path / "whole")
    assert not (tmp_path / "out.lock").exists()


def test_a_killed_process_leaves_no_lock_that_blocks(tmp_path: Path) -> None:
    path, out = fasta(tmp_path / "in.fasta", entries(9)), tmp_path / "out"
    holder = f"""
        import sys
        from pathlib import Path
        from multiprot.embedding.ledger.lock import locked
        with locked(Path({str(out)!r})):
            print("locked", flush=True)
            sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(holder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        with pytest.raises(EmbeddingError, match="another process is writing this store"):
            embedded(path, out)
        process.send_signal(signal.SIGKILL)
    assert (tmp_path / "out.lock").exists()
    embedded(path, out)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.fasta", "out"]
