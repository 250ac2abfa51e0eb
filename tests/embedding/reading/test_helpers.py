"""Helper processes change nothing but the time, and end whatever happens."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from multiprot.embedding.reading import InputReader
from multiprot.embedding.reading.helpers import read_ahead
from multiprot.embedding.reading.structures import FILES_PER_TASK, StructureFiles
from multiprot.proteins import ProteinRecord, write_structure

FILES = 5 * FILES_PER_TASK


@pytest.fixture(scope="module")
def folder(
    tiny_records: tuple[ProteinRecord, ...], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Structures of different sizes, among them bad files and FASTA."""
    folder = tmp_path_factory.mktemp("structures")
    records = [record for record in tiny_records if record.structure is not None]
    for number in range(FILES):
        record = records[number % len(records)]
        write_structure(record.crop(0, 20 + number % 7), folder / f"{number:03}.cif")
    (folder / "007.cif").write_bytes(b"nothing of use")
    (folder / "040.fasta").write_text(">a\nACD\n>b\nAC1\n")
    (folder / "040b.fasta").write_text(">c\nACD\n")
    return folder


@pytest.mark.parametrize("processes", [1, 3])
def test_rows_are_those_of_this_process(folder: Path, processes: int) -> None:
    inputs = [str(folder / "003.cif"), str(folder), str(folder / "040.fasta")]
    alone = list(InputReader(inputs).rows())
    assert sum(row.record is None for row in alone) == 3
    assert list(InputReader(inputs, processes=processes).rows()) == alone
    assert multiprocessing.active_children() == []


def test_no_process_is_started_without_structures(folder: Path) -> None:
    rows = InputReader([str(folder / "040.fasta")], processes=2).rows()
    next(rows)
    assert multiprocessing.active_children() == []


def test_reading_ahead_is_bounded(folder: Path) -> None:
    begun = 0

    def works() -> Iterator[StructureFiles]:
        nonlocal begun
        for _ in range(1000):
            begun += 1
            yield StructureFiles((str(folder / "000.cif"),))

    with closing(read_ahead(works(), processes=2)) as ahead:
        for done, work in zip(range(20), ahead, strict=False):
            assert len(list(work.rows(0))) == 1
            assert begun - done <= 2 * 3 + 2
    assert begun < 30


@pytest.mark.parametrize("by_reader", [False, True])
def test_closing_ends_the_processes(folder: Path, by_reader: bool) -> None:
    reader = InputReader([str(folder)], processes=2)
    rows = reader.rows()
    next(rows)
    assert multiprocessing.active_children() != []
    (reader if by_reader else rows).close()
    assert multiprocessing.active_children() == []


def test_a_file_that_ends_its_process_costs_one_row(folder: Path, tmp_path: Path) -> None:
    # Who opens a pipe is stopped by it, and then killed.
    deadly = tmp_path / "deadly.cif"
    os.mkfifo(deadly)
    paths = sorted(folder.glob("*.cif"))
    reader = InputReader([*map(str, paths[:20]), str(deadly), *map(str, paths[20:])], processes=2)
    over = threading.Event()

    def kill_who_opens_it() -> None:
        while not over.wait(0.05):
            with suppress(OSError):
                pipe = os.open(deadly, os.O_WRONLY | os.O_NONBLOCK)
                for process in multiprocessing.active_children():
                    process.kill()
                os.close(pipe)

    killer = threading.Thread(target=kill_who_opens_it)
    killer.start()
    try:
        rows = list(reader.rows())
    finally:
        over.set()
        killer.join()
    bad = rows.pop(20)
    assert (bad.id, bad.record) == ("deadly.cif", None)
    assert "a process died while it read this file" in (bad.reason or "")
    alone = InputReader([*map(str, paths)]).rows()
    assert [(row.id, row.record) for row in rows] == [(row.id, row.record) for row in alone]


SCRIPT = """
import multiprocessing, signal, sys, time
from multiprot.embedding.reading import InputReader

def main():
    # A shell that starts tests in the background has them ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    rows = InputReader(sys.argv[1:], processes=2).rows()
    next(rows)
    print(*(process.pid for process in multiprocessing.active_children()), flush=True)
    time.sleep(60)

"""
GUARD = "if __name__ == '__main__':\n    main()\n"


def started(folder: Path, script: Path) -> tuple[subprocess.Popen[str], list[int]]:
    script.write_text(textwrap.dedent(SCRIPT) + GUARD)
    process = subprocess.Popen(
        [sys.executable, str(script), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    helpers = [int(word) for word in process.stdout.readline().split()]
    assert helpers
    return process, helpers


def gone(pids: list[int], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.1)
    return False


needs_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")


@needs_proc
def test_helpers_do_not_outlive_a_killed_parent(folder: Path, tmp_path: Path) -> None:
    process, helpers = started(folder, tmp_path / "script.py")
    process.kill()
    process.communicate()
    assert gone(helpers)


@needs_proc
def test_ctrl_c_ends_all_in_order(folder: Path, tmp_path: Path) -> None:
    process, helpers = started(folder, tmp_path / "script.py")
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert gone(helpers)
    # The parent's, and none of a helper.
    assert errors.count("Traceback") == 1
    assert errors.rstrip().endswith("KeyboardInterrupt")


def test_a_script_without_a_guard_is_told(folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT) + "main()\n")
    command = [sys.executable, str(script), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    told = "call this under `if __name__ == '__main__'`, or use 0 processes"
    # Python's tracker of semaphores may have the last word.
    assert any(line.endswith(told) for line in done.stderr.splitlines())


def test_what_helpers_import_is_small() -> None:
    code = "import sys, multiprot.embedding.reading.helpers; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert {"torch", "pyarrow", "scipy"}.isdisjoint(done.stdout.split())
