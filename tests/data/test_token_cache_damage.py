"""A cache of tokens survives kills, full disks, damage and company."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from multiprot.data import Corpus
from multiprot.data.token_cache import fill as filling
from multiprot.data.token_cache.encode import TokenSource
from multiprot.data.token_cache.folder import TokenFolder
from multiprot.data.token_cache.reader import TokenReader
from multiprot.errors import DataError
from tests.data.token_cache import filled, source_of


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some twenty shards instead of one."""
    monkeypatch.setattr(filling, "SHARD_BYTES", 8_000)


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.999])
def test_truncated_shard_is_noticed_and_made_anew(
    corpus: Corpus, tmp_path: Path, kept: float, small_shards: None
) -> None:
    source = source_of()
    folder, _ = filled(tmp_path, source, corpus)
    whole = {path.name: path.read_bytes() for path in folder.path.glob("tokens-*")}
    victim = sorted(whole)[2]
    (folder.path / victim).write_bytes(whole[victim][: int(kept * len(whole[victim]))])
    said: list[str] = []
    plan = filled(tmp_path, source, corpus, said=said)[1]
    assert 0 < plan.proteins < len(corpus)
    assert victim in said[0]
    assert {p.name: p.read_bytes() for p in folder.path.glob("tokens-*")} == whole


def test_flipped_byte_is_noticed_when_read(corpus: Corpus, tmp_path: Path) -> None:
    source = source_of()
    folder, _ = filled(tmp_path, source, corpus)
    path = next(folder.path.glob("tokens-*"))
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    reader = TokenReader(folder, source.inputs)
    with pytest.raises(DataError, match=r"tokens of record .* altered.*remove this file"):
        read_all(reader, corpus)


def test_lost_shard_is_named(corpus: Corpus, tmp_path: Path) -> None:
    source = source_of()
    folder, _ = filled(tmp_path, source, corpus)
    reader = TokenReader(folder, source.inputs)
    next(folder.path.glob("tokens-*")).unlink()
    with pytest.raises(DataError, match="missing, cut short or damaged"):
        reader.tokens(corpus.read([0])[0])
    assert filled(tmp_path, source, corpus)[1].proteins == len(corpus)


def test_too_little_room_is_refused_with_numbers(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "free_bytes", lambda path: 1000)
    source = source_of()
    with pytest.raises(DataError, match=r"kB are needed for .* residues, but only 1 kB are free"):
        filled(tmp_path, source, corpus)
    assert not list(TokenFolder(tmp_path, source.identity).path.glob("tokens-*"))


FULL = """
import resource, sys
from pathlib import Path
from multiprot.data import Corpus
from multiprot.data.token_cache import fill as filling
from tests.data.token_cache import filled, source_of
filling.SHARD_BYTES = 8_000
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
filled(Path(sys.argv[1]), source_of(), Corpus.open(Path(sys.argv[2])))
"""


def test_full_disk_keeps_what_is_finished(
    corpus: Corpus, tmp_path: Path, small_shards: None
) -> None:
    source = source_of()
    straight, _ = filled(tmp_path / "straight", source, corpus)
    sizes = sorted(path.stat().st_size for path in straight.path.glob("tokens-*"))
    limit = str(sizes[-1] - 1)
    done = run(FULL, tmp_path / "cache", corpus.path, limit)
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert "proteins are kept; make room and run the same again" in done.stderr
    folder = TokenFolder(tmp_path / "cache", source.identity)
    assert not list(folder.path.glob(".tokens-*"))
    kept = shards(folder)
    assert kept
    plan = filled(tmp_path / "cache", source, corpus)[1]
    assert 0 < plan.proteins < len(corpus)
    assert kept.items() <= shards(folder).items()
    assert_same_tokens(folder, straight, source, corpus)


SLOW = """
import sys
from pathlib import Path
from multiprot.data import Corpus
from multiprot.data.token_cache import fill as filling
from tests.data.token_cache import filled, source_of
filling.SHARD_BYTES = 8_000
source = source_of()
source.encoder.options = source.encoder.options.model_copy(update={"seconds": 0.15})
filled(Path(sys.argv[1]), source, Corpus.open(Path(sys.argv[2])))
"""


def test_killed_twice_it_goes_on_where_it_stopped(
    corpus: Corpus, tmp_path: Path, small_shards: None
) -> None:
    source = source_of()
    folder = TokenFolder(tmp_path / "cache", source.identity)
    for number in (1, 2):
        process = start(SLOW, tmp_path / "cache", corpus.path)
        wait_until(lambda goal=3 * number: len(shards(folder)) >= goal, process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    (folder.path / ".tokens-left.safetensors.abc").write_bytes(b"half")
    kept, before = len(folder.index()), shards(folder)
    assert 0 < kept < len(corpus)
    _, plan = filled(tmp_path / "cache", source, corpus)
    assert plan.proteins == len(corpus) - kept
    assert before.items() <= shards(folder).items()
    assert not list(folder.path.glob(".tokens-*"))
    straight, _ = filled(tmp_path / "straight", source, corpus)
    assert_same_tokens(folder, straight, source, corpus)


def test_two_at_once_share_the_work(corpus: Corpus, tmp_path: Path, small_shards: None) -> None:
    source = source_of()
    folder = TokenFolder(tmp_path / "cache", source.identity)
    process = start(SLOW, tmp_path / "cache", corpus.path)
    wait_until(lambda: len(shards(folder)) >= 2, process)
    said: list[str] = []
    plan = filled(tmp_path / "cache", source, corpus, said=said)[1]
    assert "another process is filling it" in said[0]
    assert plan.proteins == 0
    assert process.wait() == 0
    assert len(TokenReader(folder, source.inputs)) == len(corpus)


def test_without_locks_two_at_once_do_no_harm(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_shards: None
) -> None:
    import fcntl

    def unsupported(*_: Any) -> None:
        raise OSError(38, "no locks on this file system")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    errors: list[BaseException] = []
    sources = [source_of(), source_of()]

    def work(source: TokenSource) -> None:
        try:
            filled(tmp_path, source, corpus)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(source,)) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    folder = TokenFolder(tmp_path, sources[0].identity)
    assert read_all(TokenReader(folder, sources[0].inputs), corpus) == len(corpus)
    assert folder.heads()[1] == {}


def read_all(reader: TokenReader, corpus: Corpus) -> int:
    return len([reader.tokens(record) for record in corpus.read(np.arange(len(corpus)))])


def assert_same_tokens(
    one: TokenFolder, other: TokenFolder, source: TokenSource, corpus: Corpus
) -> None:
    readers = [TokenReader(each, source.inputs) for each in (one, other)]
    for record in corpus.read(np.arange(len(corpus))):
        first, second = (reader.tokens(record)[0] for reader in readers)
        torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-6)


def shards(folder: TokenFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.path.glob("tokens-*")}


def environment() -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": root}


def command(script: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", script, *map(str, arguments)]


def start(script: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command(script, *arguments), env=environment())


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(script, *arguments), env=environment(), capture_output=True, text=True, check=False
    )


def wait_until(reached: Any, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert process.poll() is None, "ended early"
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.02)
