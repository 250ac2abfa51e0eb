"""Memory of the host that truly runs out: the process may have so much more, and no byte else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
    import json, resource
    import numpy as np, torch
    from multiprot.embedding import Embedder, EmbedOptions
    from multiprot.proteins import ProteinRecord

    torch.set_num_threads(1)
    shape = ("layers=2", "width=64", "heads=4")
    options = EmbedOptions(tokens_per_batch=10**7, quadratic_residues=10**9)
    embedder = Embedder.open("esm2", encoder_options=shape, options=options)
    letters = np.random.default_rng(0).choice(list("ACDEFGHIKLMNPQRSTVWY"), (300, 300))
    records = [ProteinRecord(id=f"p{i}", sequence="".join(row)) for i, row in enumerate(letters)]
    first = embedder.embed(records[:20])

    pages = int(open("/proc/self/statm").read().split()[0])
    limit = pages * resource.getpagesize() + 100 * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    found = embedder.embed(records)
    apart = np.abs(found.vectors[:20] - first.vectors).max() / np.abs(first.vectors).max()
    print(json.dumps({
        "ids": list(found.ids), "budget": embedder.runner.budget.tokens, "apart": float(apart),
        "windows": int(found.windows.max()),
    }))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc and RLIMIT_AS")
def test_a_batch_beyond_the_memory_is_embedded_in_parts() -> None:
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        # What is freed goes back to the system at once: the limit counts what malloc keeps, too.
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "1",
            "MALLOC_MMAP_THRESHOLD_": str(2**16),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    told = json.loads(found.stdout)
    assert told["ids"] == [f"p{i}" for i in range(300)]
    assert told["budget"] < 90_000
    assert told["windows"] == 1
    assert told["apart"] < 2e-6
