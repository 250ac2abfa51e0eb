"""Feature tables: 1-based and inclusive on disk, 0-based and half-open in records."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

from multiprot.errors import FileFormatError
from multiprot.proteins import FeatureSpan, read_fasta, read_feature_table

HEADER = "protein_id\ttype\tstart\tend\tname\tsource\n"


def written(tmp_path: Path, content: str) -> Path:
    path = tmp_path / "features.tsv"
    path.write_text(content)
    return path


def test_spans_are_shifted_sorted_and_grouped(tmp_path: Path) -> None:
    rows = (
        "p\tdomain\t5\t9\tx\ts\nq\tsite\t1\t1\ty\ts\np\tsite\t2\t2\tz\ts\n\np\tPfam\t.\t.\tw\ts\n"
    )
    table = read_feature_table(written(tmp_path, HEADER + rows))
    assert table == {
        "p": (FeatureSpan(1, 2, "site", "z"), FeatureSpan(4, 9, "domain", "x")),
        "q": (FeatureSpan(0, 1, "site", "y"),),
    }
    assert table.without_range == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1: no column protein_id, type, start, end, name"),
        (HEADER.replace("end", "stop"), "line 1: no column end"),
        (HEADER + "p\tdomain\t5\n", "line 2: 3 columns where the header has 6"),
        (HEADER + "p\tdomain\t0\t4\tx\ts\n", "line 2: '0' to '4' is no range"),
        (HEADER + "p\tdomain\t5\t4\tx\ts\n", "line 2: '5' to '4' is no range"),
        (HEADER + "p\tdomain\t5\t.\tx\ts\n", r"line 2: '5' to '\.' is no range"),
        (HEADER + "p\tdomain\tfive\t9\tx\ts\n", "line 2: 'five' to '9' is no range"),
    ],
)
def test_refused_with_the_line(tmp_path: Path, content: str, message: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_feature_table(path)
    assert str(path) in str(caught.value)


def test_real_table(shared: Path) -> None:
    path = shared / "data/pretrain/features.tsv.gz"
    table = read_feature_table(path)
    with gzip.open(path, "rt") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    assert sum(map(len, table.values())) + table.without_range == len(rows)
    assert table.without_range == sum(row["start"] == "." for row in rows)
    lengths = {r.id: len(r) for r in read_fasta(shared / "data/pretrain/sequences.fasta.gz")}
    assert all(spans[-1].stop <= lengths[protein] for protein, spans in table.items())
