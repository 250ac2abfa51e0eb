"""Puts a trained student into multiprot-mini: tensors in bfloat16, and a card for its users.

python scripts/ship_mini.py runs/base-nano/model --perplexity runs/residue_perplexity.json

The second file is what `python -m benchmarks.residue_perplexity` measured; figures and notes
go into the card.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

from multiprot.bundle import TrainingSequences
from multiprot.student.checkpoint import (
    TENSORS,
    TRAINED_ON,
    load_student,
    read_settings,
    save_student,
)
from multiprot.training.masked.card import student_card

WEIGHTS: Final = (
    Path(__file__).parents[1] / "plugins" / "multiprot-mini" / "src" / "multiprot_mini" / "weights"
)
LARGEST_MB: Final = 16

_USAGE: Final = """\
```bash
pip install multiprot-mini
multiprot embed proteins.fasta --out vectors
```

```python
from multiprot.embedding import Embedder
from multiprot.proteins import read_fasta

embeddings = Embedder.open("mini").embed(read_fasta("proteins.fasta"))
```"""


def ship(source: Path, told: dict[str, Any], out: Path = WEIGHTS) -> float:
    """Write the student of `source` to `out`; returns its tensors' size in megabytes.

    Parameters
    ----------
    source
        Folder of a student.
    told
        What its card says besides.
    out
        Where.
    """
    settings = read_settings(source)
    provenance = {**settings.provenance, "name": "multiprot-mini", **told}
    settings = settings._replace(provenance=provenance)
    save_student(
        out,
        load_student(source),
        settings,
        card=student_card(settings, _USAGE),
        digests=TrainingSequences.load(source / TRAINED_ON).digests,
        precision="bf16",
        overwrite=True,
    )
    return (out / TENSORS).stat().st_size / 1e6


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="folder of a student, RUN/model")
    parser.add_argument("--perplexity", type=Path, help="figures for the card")
    parser.add_argument("--note", action="append", default=[], help="for the card; repeatable")
    given = parser.parse_args()
    told: dict[str, Any] = {"notes": given.note} if given.note else {}
    if given.perplexity is not None:
        measured = json.loads(given.perplexity.read_text(encoding="utf-8"))
        told["perplexity_of_residues_behind_the_mask"] = measured["rows"]
    megabytes = ship(given.source, told)
    print(f"{WEIGHTS}: {megabytes:.1f} MB of tensors, at most {LARGEST_MB} are shipped")


if __name__ == "__main__":
    main()
