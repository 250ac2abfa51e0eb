"""What must hold of any plugin's declaration."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

from multiprot.config import Section
from multiprot.encoders.options import validate_options
from multiprot.encoders.plugin import API_VERSION, EncoderPlugin, ObjectivePlugin
from multiprot.errors import ConfigError, MultiprotError


def check_declaration(plugin: EncoderPlugin[Any] | ObjectivePlugin[Any]) -> None:
    """Check name, summary, version and config of a plugin."""
    assert plugin.name == plugin.name.strip().lower(), f"name {plugin.name!r}: use lower case"
    assert plugin.summary.strip(), "the summary is empty"
    assert "\n" not in plugin.summary, "the summary is more than one line"
    assert plugin.api_version == API_VERSION
    assert issubclass(plugin.config, Section), "config must derive from multiprot.config.Section"
    message = refusal(ConfigError, lambda: validate_options(plugin, {"no_such_option": 1}))
    assert "no_such_option" in message, f"the message does not name the option: {message}"


def refusal(kind: type[MultiprotError], call: Callable[[], object]) -> str:
    """The message of the error that `call` must raise."""
    try:
        call()
    except kind as error:
        return str(error)
    raise AssertionError(f"no {kind.__name__} is raised")


def check_module_is_light(plugin: EncoderPlugin[Any] | ObjectivePlugin[Any]) -> None:
    """Check, in a fresh interpreter, that the module that declares a plugin imports no torch."""
    module = plugin.config.__module__
    program = (
        f"import sys, {module}; print(*[m for m in ('torch', 'lightning') if m in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{module} cannot be imported on its own: {done.stderr}"
    assert not done.stdout.strip(), f"importing {module} imports {done.stdout.strip()}"
