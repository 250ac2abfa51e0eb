"""The command line that studies share."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from benchmarks.pretraining_matrix.evaluation import Rows, evaluate
from benchmarks.pretraining_matrix.kept import Scores
from benchmarks.pretraining_matrix.pretraining import Job, jobs, pretrain
from benchmarks.pretraining_matrix.table import by_variant, table
from benchmarks.pretraining_matrix.variants import Study


def compare(study: Study, given: argparse.Namespace) -> None:
    """Make and score what is not there yet; print the table."""
    print("\n".join(table(scored(study, given), tuple(study.tasks), study.baseline)))


def scored(study: Study, given: argparse.Namespace) -> dict[str, dict[str, list[float]]]:
    """Make and score what is not there yet; variant -> task -> one score for each seed."""
    wanted = jobs(study.variants, given.out)
    settings = [f"trainer.threads={given.threads}", *given.set]
    rows = Rows(given.rows, given.test_rows, given.residues, given.test_residues, given.probe_seeds)
    kept = Scores.open(
        given.out / "results.json", study.module, {"rows": rows._asdict(), "settings": settings}
    )

    missing = {} if given.only_table else _missing(study, wanted, kept)

    def made(job: Job) -> tuple[Job, dict[str, float]]:
        pretrain(job, str(given.recipe), settings)
        return job, {
            task: evaluate(job, _folder(given.tasks, task), study.tasks[task], rows)
            for task in missing[job.name]
        }

    with ThreadPoolExecutor(given.parallel) as pool:
        to_do = [pool.submit(made, job) for job in wanted if job.name in missing]
        try:
            for done in as_completed(to_do):
                job, scores = done.result()
                kept.add(job.name, scores)
                print(f"{job.name}: {scores}", file=sys.stderr, flush=True)
        except BaseException:
            # What fails once would fail for hours: those that have not begun are not begun.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return by_variant(wanted, kept.scores)


def _folder(places: list[Path], task: str) -> Path:
    """Where a task lies; ends the program if it is in none of `places`."""
    found = [place / task for place in places if (place / task / "task.json").is_file()]
    if not found:
        raise SystemExit(f"task {task}: in none of {', '.join(map(str, places))}; give --tasks")
    return found[0]


def _missing(study: Study, wanted: list[Job], kept: Scores) -> dict[str, list[str]]:
    """Models that are not scored yet on some task -> these tasks."""
    found = {
        job.name: [task for task in study.tasks if task not in kept.scores.get(job.name, {})]
        for job in wanted
    }
    return {name: tasks for name, tasks in found.items() if tasks}


def arguments(description: str, recipe: str) -> argparse.Namespace:
    """What was given on the command line of a study of `recipe`."""
    return parser(description, recipe).parse_args()


def parser(description: str, recipe: str) -> argparse.ArgumentParser:
    """Options of a study of `recipe`; a study may add its own."""
    found = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument(
        "--tasks", type=Path, required=True, action="append", help="folder of task folders"
    )
    found.add_argument("--out", type=Path, required=True)
    found.add_argument("--recipe", type=Path, default=Path(recipe))
    found.add_argument("--seeds", type=int, default=3, help="pretrainings of the main variants")
    found.add_argument("--probe-seeds", type=int, default=3)
    found.add_argument("--rows", type=int, default=1500, help="training proteins of a task at most")
    found.add_argument("--test-rows", type=int, default=1000)
    found.add_argument("--residues", type=int, default=200_000, help="for tasks of residues")
    found.add_argument("--test-residues", type=int, default=60_000)
    found.add_argument("--threads", type=int, default=1, help="of each pretraining")
    found.add_argument("--parallel", type=int, default=2, help="models at a time")
    found.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    found.add_argument("--only-table", action="store_true", help="of what is there")
    return found
