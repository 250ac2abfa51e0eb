from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from multiprot.data.build_report import REPORT_SCHEMA, ReportWriter
from multiprot.data.corpus_format import REPORT


def test_every_row_is_there_in_order(tmp_path: Path) -> None:
    with ReportWriter(tmp_path) as report:
        for number in range(5000):
            if number % 10:
                report.kept("sequence", "a.fasta", f"p{number}")
            else:
                report.refused(
                    "structure", f"{number}.cif", None, reason="unreadable", detail="cut short"
                )
    table = pq.read_table(tmp_path / REPORT)
    assert table.schema.equals(REPORT_SCHEMA)
    assert table.num_rows == report.rows == 5000
    rows = table.to_pylist()
    assert rows[1]["record"] == "p1"
    assert rows[10] == {
        "input": "10.cif",
        "kind": "structure",
        "record": None,
        "outcome": "refused",
        "reason": "unreadable",
        "detail": "cut short",
        "account": None,
    }


def test_accounts_are_json(tmp_path: Path) -> None:
    with ReportWriter(tmp_path) as report:
        report.kept("structure", "1.cif", "1", account={"residues": 3, "modified": [[1, "MSE"]]})
    (row,) = pq.read_table(tmp_path / REPORT).to_pylist()
    assert json.loads(row["account"]) == {"residues": 3, "modified": [[1, "MSE"]]}


def test_the_summary_counts_by_kind_and_reason(tmp_path: Path) -> None:
    with ReportWriter(tmp_path) as report:
        report.kept("structure", "1.cif", "1")
        for reason in ("excluded", "no split", "excluded"):
            report.refused("sequence", "a.fasta", "x", reason=reason, detail="…")
    assert report.summary() == {
        "sequence": {"kept": 0, "refused": {"excluded": 2, "no split": 1}},
        "structure": {"kept": 1, "refused": {}},
    }


def test_an_empty_report_is_a_table(tmp_path: Path) -> None:
    with ReportWriter(tmp_path) as report:
        pass
    assert pq.read_table(tmp_path / REPORT).num_rows == 0
    assert report.summary() == {}
