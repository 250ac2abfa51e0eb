"""Task folders that tests write."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Row = dict[str, str]


def write_task(
    folder: Path,
    rows: Sequence[Row],
    task_type: str = "regression",
    metric: str = "spearman",
    *,
    table: str = "data.csv",
    **more: Any,
) -> Path:
    """A task folder with one table; `rows` have all its columns."""
    folder.mkdir(parents=True, exist_ok=True)
    tree = {"name": folder.name, "task_type": task_type, "primary_metric": metric} | more
    (folder / "task.json").write_text(json.dumps(tree), encoding="utf-8")
    write_table(folder / table, rows)
    return folder


def write_table(path: Path, rows: Sequence[Row]) -> None:
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(list(rows)), path)
        return
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]) if rows else ["id"])
        writer.writeheader()
        writer.writerows(rows)


def proteins(count: int = 40, **columns: Any) -> list[Row]:
    """Rows with an id, a sequence of their own, a number as target, and a split."""
    letters = "ACDEFGHIKLMNPQRSTVWY"
    rows = []
    for number in range(count):
        sequence = "M" + "".join(letters[(number * 7 + k * (number + 3)) % 20] for k in range(10))
        sequence += letters[number // 20] + letters[number % 20]
        split = ("train", "train", "valid", "test")[number % 4]
        row = {"id": f"p{number}", "sequence": sequence, "target": str(number / 10), "split": split}
        rows.append(row | {name: str(value(number)) for name, value in columns.items()})
    return rows
