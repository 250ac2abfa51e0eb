"""Lightning with two processes and inner steps comes to the weights of one process."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as multiprocessing

from tests.distributed.joint_bilevel_training import Adapted, make_module, run_alone, run_process
from tests.distributed.processes import PROCESSES


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each process came to, by what becomes of the inner steps."""
    folder = tmp_path_factory.mktemp("lightning")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(run_process, args=(str(folder), port), nprocs=PROCESSES)
    return [torch.load(Path(folder) / f"rank{rank}.pt") for rank in range(PROCESSES)]


@pytest.mark.parametrize("adapted", ["discard", "keep"])
def test_two_processes_come_to_the_weights_of_one(
    two_processes: list[dict[str, Any]], adapted: Adapted
) -> None:
    alone = run_alone(adapted)
    start = make_module(adapted).state_dict()
    for process in two_processes:
        found = process[adapted]
        torch.testing.assert_close(found["state"], alone["state"], rtol=1e-4, atol=2e-6)
        torch.testing.assert_close(found["metrics"], alone["metrics"], rtol=1e-3, atol=1e-4)
    moved = {name for name, was in start.items() if not torch.equal(was, alone["state"][name])}
    assert any(name.startswith("model.structure") for name in moved)
    assert any(name.startswith("model.sequence") for name in moved) == (adapted == "keep")


@pytest.mark.parametrize("adapted", ["discard", "keep"])
def test_both_processes_come_to_the_same_bits(
    two_processes: list[dict[str, Any]], adapted: Adapted
) -> None:
    one, other = (process[adapted]["state"] for process in two_processes)
    torch.testing.assert_close(one, other, rtol=0, atol=0)
