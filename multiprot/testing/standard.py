"""The base of all suites: which plugin, tried with which options, and what every plugin must do."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any, ClassVar

from multiprot.config import ResolvedConfig, Section
from multiprot.config.node import plain
from multiprot.config.yaml_text import parse_yaml
from multiprot.encoders.options import validate_options
from multiprot.encoders.plugin import API_VERSION, Capabilities, EncoderPlugin, ObjectivePlugin
from multiprot.errors import ConfigError
from multiprot.testing.demand import demand, refusal

_HEAVY = ("torch", "lightning", "transformers", "torch_geometric")
_STRANGER = "no_such_option"

_PROGRAM = """
import sys, {modules}
from multiprot.encoders.options import validate_options
for module in [sys.modules[name] for name in "{modules}".split(", ")]:
    for plugin in vars(module).values():
        if getattr(plugin, "name", None) == {name!r} and hasattr(plugin, "capabilities"):
            plugin.capabilities(validate_options(plugin, plugin.tiny_options))
print(*[name for name in {heavy} if name in sys.modules])
"""


class PluginSuite:
    """Subclass a concrete suite with `plugin`, and with `tiny_config` if need be.

    A standard test is not overridden: a plugin that cannot pass one says so with
    ``@pytest.mark.xfail(reason="...")`` on an override that calls it.
    """

    plugin: ClassVar[EncoderPlugin[Any] | ObjectivePlugin[Any]]

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if not cls.__module__.startswith("multiprot.testing."):
            _refuse_overrides(cls)

    def tiny_config(self) -> Section:
        """Options of a plugin that is built and run in a blink; its own `tiny_options`."""
        return validate_options(self.plugin, self.plugin.tiny_options)

    def test_declaration(self) -> None:
        """Name, summary, version of the contract and config are in order."""
        plugin = self.plugin
        demand(
            plugin.name == plugin.name.strip().lower() and " " not in plugin.name,
            f"the name {plugin.name!r} has capitals or white space",
            "use lower case and hyphens, in the entry point too",
        )
        demand(
            plugin.summary.strip() and "\n" not in plugin.summary.strip(),
            f"the summary {plugin.summary!r} is not one line",
            "say in one line what it is and whose method; `multiprot plugins list` shows it",
        )
        demand(
            plugin.api_version == API_VERSION,
            f"it was written for plugin API {plugin.api_version}, this multiprot has {API_VERSION}",
            "read the changelog's notes on the plugin contract and raise api_version",
        )
        demand(
            issubclass(plugin.config, Section),
            f"{plugin.config.__name__} is no multiprot.config.Section",
            "derive the options from Section: it is frozen and refuses unknown keys",
        )

    def test_options_are_described(self) -> None:
        """Each option has a docstring, which settings reference and `plugins show` print."""
        silent = [
            n for n, f in self.plugin.config.described().model_fields.items() if not f.description
        ]
        demand(
            not silent,
            f"{', '.join(silent)} of {self.plugin.config.__name__} is not described",
            "write a docstring under the field, with its unit",
        )

    def test_unknown_option_is_refused(self) -> None:
        """A misspelt option is an error that names it."""
        mend = "let the options derive from multiprot.config.Section without changing `extra`"
        problem = f"the unknown option {_STRANGER!r}"
        settings = {**self.tiny_config().model_dump(mode="json"), _STRANGER: 1}
        message = refusal(
            ConfigError, lambda: validate_options(self.plugin, settings), problem, mend
        )
        demand(_STRANGER in message, f"{problem} is refused without its name: {message}", mend)

    def test_config_survives_yaml(self) -> None:
        """Options written to YAML and read back are the same options."""
        given = self.tiny_config()
        text = ResolvedConfig(given, {}).to_yaml(origins=False)
        back = validate_options(self.plugin, plain(parse_yaml(text, "options")))
        demand(
            back == given,
            f"options come back from YAML as {back!r}, they were {given!r}",
            "use plain types (numbers, texts, lists, sections) and no validator that changes "
            "a value which it has accepted before",
        )

    def test_discovery_imports_nothing_heavy(self) -> None:
        """Listing plugins and telling capabilities imports no torch: it costs milliseconds."""
        home = inspect.getmodule(self.plugin.build)
        modules = {self.plugin.config.__module__, *([home.__name__] if home else [])}
        program = _PROGRAM.format(
            modules=", ".join(sorted(modules)), name=self.plugin.name, heavy=_HEAVY
        )
        done = subprocess.run(  # noqa: S603 - our own interpreter and program
            [sys.executable, "-c", program], capture_output=True, text=True, check=False
        )
        demand(
            done.returncode == 0,
            f"{' or '.join(sorted(modules))} cannot be imported on its own: {done.stderr.strip()}",
            "the module behind the entry point must import by itself",
        )
        demand(
            not done.stdout.strip(),
            f"declaring it imports {done.stdout.strip()}",
            "import them inside `build`, and keep the encoder in a module of its own",
        )


class EncoderTrial(PluginSuite):
    """Base of the suites of encoders."""

    plugin: ClassVar[EncoderPlugin[Any]]
    tolerance: ClassVar[float] = 1e-4
    """Largest difference that company in a batch, layout or orientation may make."""

    @property
    def capabilities(self) -> Capabilities:
        """What the tiny encoder claims."""
        return self.plugin.capabilities(self.tiny_config())


def _refuse_overrides(cls: type[PluginSuite]) -> None:
    """Raise if a standard test was replaced without an xfail that says why."""
    ours = [base for base in cls.__mro__ if base.__module__.startswith("multiprot.testing.")]
    for base in ours:
        for name, standard in vars(base).items():
            found = getattr(cls, name)
            if name.startswith("test_") and found is not getattr(ours[0], name, standard):
                _demand_reason(cls, name, found)


def _demand_reason(cls: type[PluginSuite], name: str, found: object) -> None:
    marks = getattr(found, "pytestmark", ())
    if not any(mark.name == "xfail" and mark.kwargs.get("reason") for mark in marks):
        raise TypeError(
            f"{cls.__name__}.{name} replaces a standard test of multiprot; leave it out, or mark "
            "it with @pytest.mark.xfail(reason='why this encoder cannot pass') and call the "
            "standard test in it"
        )
