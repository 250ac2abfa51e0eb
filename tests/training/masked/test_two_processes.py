"""Two gloo processes give the loss and the gradients of one process on the joint batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as multiprocessing

from tests.distributed.processes import PROCESSES, outcome
from tests.training.masked import joint

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Results of each process, by scenario."""
    folder = tmp_path_factory.mktemp("gloo")
    multiprocessing.spawn(joint.run_process, args=(str(folder),), nprocs=PROCESSES)
    return [torch.load(Path(folder) / f"rank{rank}.pt") for rank in range(PROCESSES)]


@pytest.mark.parametrize("scenario", joint.SCENARIOS)
def test_two_processes_are_one(processes: list[dict[str, Any]], scenario: str) -> None:
    step = joint.Step()
    alone = outcome(step, step, joint.joint_batch(scenario))
    assert all(gradient.any() for gradient in alone["gradients"].values())
    for process in processes:
        found = process[scenario]
        torch.testing.assert_close(found["loss"], alone["loss"], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(found["metrics"], alone["metrics"], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(found["gradients"], alone["gradients"], rtol=1e-4, atol=2e-6)
