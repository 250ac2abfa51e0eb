"""Two gloo processes give the loss and the gradients of one process on the joint batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import torch
import torch.multiprocessing as multiprocessing

from tests.distributed import (
    joint,
    joint_bilevel,
    joint_distillation,
    joint_massa,
    joint_mutual_information,
    joint_steps,
)
from tests.distributed.processes import PROCESSES, outcome

MODULES: Final = (
    joint,
    joint_massa,
    joint_bilevel,
    joint_steps,
    joint_mutual_information,
    joint_distillation,
)
CASES: Final = [(case, scenario) for case in MODULES for scenario in case.SCENARIOS]


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Results of each process, by scenario."""
    results: list[dict[str, Any]] = [{} for _ in range(PROCESSES)]
    for case in MODULES:
        folder = tmp_path_factory.mktemp("gloo")
        multiprocessing.spawn(case.run_process, args=(str(folder),), nprocs=PROCESSES)
        for rank, found in enumerate(results):
            found |= torch.load(Path(folder) / f"rank{rank}.pt")
    return results


@pytest.fixture(params=CASES, ids=[scenario.name for _, scenario in CASES])
def compared(
    request: pytest.FixtureRequest, two_processes: list[dict[str, Any]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One process on the joint batch, and both processes on their own."""
    case, scenario = request.param
    step = case.Step()
    threads = torch.get_num_threads()
    # As in the processes: with two threads sums run in another order and differ by 6e-6.
    torch.set_num_threads(1)
    try:
        alone = outcome(step, step, case.joint_batch(scenario))
    finally:
        torch.set_num_threads(threads)
    return alone, [results[scenario.name] for results in two_processes]


Compared = tuple[dict[str, Any], list[dict[str, Any]]]


def test_loss_of_each_process_is_that_of_the_joint_batch(compared: Compared) -> None:
    alone, processes = compared
    for process in processes:
        torch.testing.assert_close(process["loss"], alone["loss"], rtol=1e-5, atol=1e-6)


def test_metrics_of_each_process_are_those_of_the_joint_batch(compared: Compared) -> None:
    alone, processes = compared
    for process in processes:
        # A mapping is compared by key, and a failure names the key.
        torch.testing.assert_close(process["metrics"], alone["metrics"], rtol=1e-4, atol=1e-5)


def test_averaged_gradients_are_those_of_the_joint_batch(compared: Compared) -> None:
    alone, processes = compared
    for process in processes:
        torch.testing.assert_close(process["gradients"], alone["gradients"], rtol=1e-4, atol=2e-6)


def test_every_parameter_gets_a_gradient_in_every_process(compared: Compared) -> None:
    for results in (compared[0], *compared[1]):
        missing = [name for name, gradient in results["gradients"].items() if gradient is None]
        assert missing == []


def test_scenarios_teach_something(two_processes: list[dict[str, Any]]) -> None:
    """Equal gradients mean nothing if all were zero."""
    names = ("unequal", "MASSA, unequal", "bilevel, three steps", "STEPS, unequal")
    for name in (*names, "distillation, unequal"):
        gradients = two_processes[0][name]["gradients"]
        idle = {name for name, gradient in gradients.items() if not gradient.any()}
        if name == "STEPS, unequal":
            # It looks at residues alone: what makes a vector of a protein learns nothing.
            idle = {part for part in idle if part.split(".")[1] not in joint_steps.IDLE}
        if name == "distillation, unequal":
            idle = {part for part in idle if part.split(".")[1] not in joint_distillation.IDLE}
        assert idle == set()


def test_inner_steps_lead_both_processes_to_the_same_bits(
    two_processes: list[dict[str, Any]],
) -> None:
    """Else what is kept of them would drift apart."""
    for scenario in joint_bilevel.SCENARIOS:
        first, second = (results[scenario.name]["metrics"] for results in two_processes)
        torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_inner_loss_that_reaches_nothing_anywhere_is_refused_by_both(tmp_path: Path) -> None:
    multiprocessing.spawn(joint_bilevel.run_refused, args=(str(tmp_path),), nprocs=PROCESSES)
    for rank in range(PROCESSES):
        assert "the inner loss reaches none of the" in torch.load(tmp_path / f"refused{rank}.pt")
