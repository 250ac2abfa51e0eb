"""The Ray cluster of a run: found or started, quiet, and what fits onto it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from multiprot.errors import EmbeddingError
from multiprot.optional import optional_module

_QUIET: Final = {
    # The libraries below Python write what they log to stderr, too.
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    # What a cluster tells of lost nodes and retries would come out on stdout.
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    # Of a cluster that is started here; one that runs keeps its own.
    "RAY_USAGE_STATS_ENABLED": "0",
}

_SECONDS_TO_ANSWER: Final = 10.0
"""For the first node of a cluster."""


@dataclass(frozen=True, slots=True)
class Seats:
    """Workers, and what each of them occupies.

    Attributes
    ----------
    workers
        How many.
    cpus
        Cores of each, which are its threads, too.
    gpus
        GPUs of each, 0 or 1.
    """

    workers: int
    cpus: int
    gpus: int


def import_ray() -> Any:
    """The library, with Ray Data.

    Raises
    ------
    EmbeddingError
        If it is not installed or broken; the message says how to install it.
    """
    need = "--engine ray needs Ray Data"
    with _environment(_QUIET):  # read by Ray at its import, too
        optional_module("ray.data", need, "'multiprot[ray]'", error=EmbeddingError)
        return optional_module("ray", need, "'multiprot[ray]'", error=EmbeddingError)


def seats(nodes: Sequence[Mapping[str, float]], *, gpus: bool, workers: int) -> Seats:
    """How a cluster is shared out.

    Parameters
    ----------
    nodes
        Resources of each node, as Ray names them.
    gpus
        Whether each worker needs a GPU.
    workers
        How many are wanted; 0: one for each GPU, or one for each node that has cores. Those for
        which there is no room wait until there is.

    Returns
    -------
    Seats
        Without GPUs, each worker gets as many cores as let all of them find a place.

    Raises
    ------
    EmbeddingError
        If there is no room for a single worker.
    """
    kind = "GPU" if gpus else "CPU"
    amounts = [int(node.get(kind, 0)) for node in nodes]
    total = sum(amounts)
    if not total:
        raise EmbeddingError(
            f"none of the {len(nodes)} nodes of the Ray cluster has a {kind}; start nodes that "
            f"have, for example with `ray start --num-{kind.lower()}s`, or choose another "
            "--device"
        )
    if gpus:
        return Seats(workers or total, cpus=1, gpus=1)
    workers = workers or sum(1 for amount in amounts if amount)
    fitting = (c for c in range(max(amounts), 0, -1) if sum(a // c for a in amounts) >= workers)
    return Seats(workers, cpus=next(fitting, 1), gpus=0)


@contextmanager
def connected() -> Iterator[Any]:
    """Ray's module, connected to a cluster.

    To the one that the caller or RAY_ADDRESS names, or that was started on this machine; where
    there is none, to one on this machine that ends with the block.

    Raises
    ------
    EmbeddingError
        If Ray is not installed, or the cluster cannot be reached or used from here.
    """
    ray = import_ray()
    _refuse_unreachable(os.environ.get("RAY_ADDRESS", ""))
    if ray.is_initialized():
        with _quiet():
            yield ray
        return
    with _environment(_QUIET), _quiet():
        try:
            with _own_signals(), _without_stderr():
                ray.init(
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    configure_logging=False,
                )
        except (RuntimeError, OSError, ValueError) as error:
            raise EmbeddingError(
                f"the Ray cluster cannot be reached or started ({error}); see `ray status`; one "
                "that asks for a token needs RAY_AUTH_MODE=token here, too; without RAY_ADDRESS "
                "this machine is used alone"
            ) from error
        try:
            yield ray
        finally:
            with _own_signals():
                ray.shutdown()


def _refuse_unreachable(address: str) -> None:
    """Tell at once what Ray would find out after minutes."""
    if address.startswith("ray://"):
        raise EmbeddingError(
            f"RAY_ADDRESS={address}: a run cannot be driven through a Ray client; start it on a "
            "node of the cluster, for example with `ray job submit`"
        )
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_ANSWER).close()
        except OSError as error:
            raise EmbeddingError(
                f"RAY_ADDRESS={address}: nothing answers there ({error}); start the cluster with "
                "`ray start --head`, or unset RAY_ADDRESS to use this machine alone"
            ) from None


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep Ray from replacing what SIGTERM does: a run ends between two shards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Lose what the libraries write that Ray loads: they tell that they were told to be quiet."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing of Ray on stderr but errors; `ray.data` must have been imported."""
    loggers = [logging.getLogger(name) for name in ("ray", "ray.data")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"ray\b")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables that the user did not set."""
    missing = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            os.environ.pop(name, None)
