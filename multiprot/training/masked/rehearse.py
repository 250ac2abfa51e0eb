"""A student's run without a trace: everything is built, two steps are taken, nothing is kept."""

from __future__ import annotations

from multiprot.data.sequences import SequenceShards
from multiprot.training.callbacks.timing import Stopwatch
from multiprot.training.masked.config import MaskedConfig
from multiprot.training.masked.data import MaskedData
from multiprot.training.masked.session import build_student
from multiprot.training.rehearse import STEPS, Rehearsal, count_parameters
from multiprot.training.trainer import build_trainer, keyboard_interrupts, quiet_lightning


def rehearse_masked(config: MaskedConfig) -> Rehearsal:
    """Build all that `config` names and take two steps; the first warms up, the second is timed."""
    with quiet_lightning(), keyboard_interrupts():
        shards = SequenceShards.open(config.sequences)
        data = MaskedData(shards, config)
        first = data.batches("train")[0][0]
        student, module = build_student(config, shards)
        stopwatch = Stopwatch(config.trainer.accumulate)
        trainer = build_trainer(config.trainer, callbacks=[stopwatch], max_steps=STEPS)
        data.check(trainer.world_size)
        trainer.fit(module, datamodule=data)
    batches = config.trainer.max_steps * config.trainer.accumulate
    return Rehearsal(
        parameters={
            "sequence": count_parameters(student.trunk),
            "objectives": count_parameters(student.head),
        },
        proteins=len(first.lengths),
        residues=len(first.letters),
        with_sequence=len(first.lengths),
        with_structure=0,
        go_terms=0,
        steps_taken=STEPS,
        metrics=module.take_step_metrics(),
        steps=config.trainer.max_steps,
        seconds=batches * stopwatch.report()["seconds_per_batch"],
    )
