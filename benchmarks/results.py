"""What every benchmark writes beside its figures: the command, the day and the machine."""

from __future__ import annotations

import json
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from multiprot.files import atomic_file


def save_results(path: Path, module: str, figures: dict[str, Any]) -> dict[str, Any]:
    """Write the JSON file `path`: how `python -m module` was called here and now, and `figures`.

    Returns
    -------
    dict
        What was written.
    """
    results = {
        "command": " ".join([f"python -m {module}", *sys.argv[1:]]),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {platform.processor() or 'processor unnamed'}",
        **figures,
    }
    with atomic_file(path) as partial:
        partial.write_text(json.dumps(results, indent=1) + "\n")
    return results
