"""Memory of a build must not grow with what it reads, but for some hundred bytes a protein."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from multiprot.data.synthetic import SyntheticOptions, synthetic_records
from multiprot.proteins import write_structure

CODE = """
import resource, sys
from pathlib import Path
from multiprot.data import CorpusBuildOptions, build_corpus
from multiprot.data import corpus_writer
name, folder = sys.argv[1], Path(sys.argv[2])
options = CorpusBuildOptions(**{name: folder / name}, workers=0)
if __name__ == "__main__":
    build_corpus(options, folder / "out")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def peak(folder: Path, name: str) -> int:
    """Peak resident bytes of a process that builds from the one input `name` of `folder`."""
    command = [sys.executable, "-c", CODE, name, str(folder)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def sequences(folder: Path, count: int, residues: int) -> None:
    folder.mkdir()
    letters = np.array(list("ACDEFGHIKLMNPQRSTVWY"))
    rng = np.random.default_rng(0)
    with (folder / "sequences").open("w") as handle:
        for number in range(count):
            handle.write(f">protein{number:07d}\n{''.join(rng.choice(letters, residues))}\n")


@pytest.mark.long
def test_sequences_stream(tmp_path: Path) -> None:
    sequences(tmp_path / "small", 3_000, 600)
    sequences(tmp_path / "large", 33_000, 600)
    growth = peak(tmp_path / "large", "sequences") - peak(tmp_path / "small", "sequences")
    assert growth / 30_000 < 1500


@pytest.mark.long
def test_structures_stream(tmp_path: Path) -> None:
    (record, _), *_ = (
        pair for pair in synthetic_records(SyntheticOptions(families=1)) if pair[0].structure
    )
    for name, count in (("small", 200), ("large", 2_200)):
        (tmp_path / name / "structures").mkdir(parents=True)
        write_structure(record, tmp_path / name / "one.cif")
        content = (tmp_path / name / "one.cif").read_bytes()
        for number in range(count):
            (tmp_path / name / "structures" / f"p{number}.cif").write_bytes(content)
    per_structure = len(record) * 5 * 3 * 4
    growth = peak(tmp_path / "large", "structures") - peak(tmp_path / "small", "structures")
    assert growth / 2_000 < per_structure / 2
