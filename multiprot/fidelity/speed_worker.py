"""A process of its own for one model, so that the memory it takes is the model's."""

from __future__ import annotations

import shutil
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprot.embedding import Embedder, EmbedOptions


def serve(commands: Connection) -> None:
    """Open a model, then embed a corpus each time it is asked to, until the pipe is closed.

    The first command is a dict of `model`, `device`, `options` (fields of `EmbedOptions`) and
    `threads`, the further ones of `corpus` and `out`. Each answer is a dict; `error` in it says
    why there is no other.
    """
    embedder: Embedder | None = None
    while True:
        try:
            told = commands.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            if embedder is None:
                embedder, answer = _opened(told)
            else:
                answer = _timed(embedder, Path(told["corpus"]), Path(told["out"]))
        except Exception as error:
            # Whatever a plugin raises: the parent says which model it was.
            answer = {"error": f"{type(error).__name__}: {error}"}
        commands.send(answer)


def peak_mib() -> float | None:
    """Largest resident memory of this process so far; None where the system does not tell."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Not ru_maxrss, which on Linux begins with the size of the process that started this one.
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
        return next((int(x.split()[1]) / 1024 for x in lines if x.startswith("VmHWM")), None)
    try:
        import resource
    except ImportError:
        return None
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 2**20 if sys.platform == "darwin" else used / 1024


def _opened(told: dict[str, Any]) -> tuple[Embedder, dict[str, Any]]:
    import torch

    from multiprot.embedding import Embedder, EmbedOptions

    torch.set_num_threads(told["threads"])
    idle = peak_mib()
    options: EmbedOptions = EmbedOptions.model_validate(told["options"])
    embedder = Embedder.open(told["model"], device=told["device"], options=options)
    return embedder, {"idle_mib": idle}


def _timed(embedder: Embedder, corpus: Path, out: Path) -> dict[str, Any]:
    import torch

    from multiprot.embedding import embed_to_store

    on_gpu = embedder.model.device.type == "cuda"
    began = time.perf_counter()
    summary = embed_to_store([str(corpus)], embedder, out)
    seconds = time.perf_counter() - began
    shutil.rmtree(out)
    device = torch.cuda.max_memory_allocated(embedder.model.device) / 2**20 if on_gpu else None
    return {
        "seconds": seconds,
        "proteins": summary.computed,
        "peak_mib": peak_mib(),
        "device_peak_mib": device,
    }
