"""Some steps of Lightning with inner steps on STEPS' objectives; imported by the children."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import Trainer
from torch import Tensor
from torch.utils.data import DataLoader

from multiprot.encoders.contract import ProteinBatch
from multiprot.objectives import TotalObjective, plugins
from multiprot.training.bilevel_module import BilevelModule
from multiprot.training.settings import BilevelConfig, OptimizerConfig, ScheduleConfig
from tests.distributed.joint_steps import SCENARIOS, joint_batch, own_batch
from tests.distributed.processes import PROCESSES
from tests.fusion.fakes import make_context, make_model

STEPS = 3
PARTS = (plugins.pairwise_distance, plugins.dihedral, plugins.mutual_information)

Adapted = Literal["discard", "keep"]


def make_module(adapted: Adapted) -> BilevelModule:
    """The same weights whenever it is called; almost plain gradient descent."""
    model = make_model(seed=7, without=("go",))
    torch.manual_seed(11)
    objectives = {part.name: part.build(part.config(), make_context()) for part in PARTS}
    return BilevelModule(
        model,
        TotalObjective(objectives, {name: 1.0 + n for n, name in enumerate(objectives)}),
        BilevelConfig(steps=2, learning_rate=0.2, adapted=adapted),
        seed=1,
        # With a small epsilon the least difference of a gradient near zero would be a whole step.
        optimizer=OptimizerConfig(peak_lr=0.1, epsilon=1.0, gradient_clip=1.0),
        schedule=ScheduleConfig(warmup_steps=0, shape="constant"),
        max_steps=STEPS,
    )


def train(adapted: Adapted, batches: list[ProteinBatch], **options: Any) -> dict[str, Any]:
    """Weights, buffers and metrics after the steps."""
    torch.set_num_threads(1)
    module = make_module(adapted)
    trainer = Trainer(
        accelerator="cpu",
        max_steps=STEPS,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        **options,
    )
    trainer.fit(module, DataLoader(batches, batch_size=None))  # type: ignore[arg-type]
    state: dict[str, Tensor] = module.state_dict()
    return {"state": state, "metrics": module.take_step_metrics()}


def run_alone(adapted: Adapted) -> dict[str, Any]:
    """One process with all proteins."""
    return train(adapted, [joint_batch(each) for each in SCENARIOS[:STEPS]], devices=1)


def run_process(rank: int, folder: str, port: int) -> None:
    """Child: the same with its own proteins, results into `folder`."""
    os.environ |= {
        "LOCAL_RANK": str(rank),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "GLOO_SOCKET_IFNAME": "lo",
    }
    batches = [own_batch(each, rank) for each in SCENARIOS[:STEPS]]
    found = {
        adapted: train(adapted, batches, devices=PROCESSES, strategy="ddp")
        for adapted in ("discard", "keep")
    }
    torch.save(found, Path(folder) / f"rank{rank}.pt")
