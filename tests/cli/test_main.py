"""The shell of the command line: exit codes, one line per error, nothing imported too early."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
import typer

import multiprot
from multiprot.cli import verbs
from multiprot.cli.main import main
from multiprot.errors import DataError


class Terminal:
    """Runs a made-up verb through the real shell."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def verb(self, function: object, *arguments: str) -> tuple[int, str, str]:
        module = types.ModuleType("multiprot.cli.inspect")
        name = "app" if isinstance(function, typer.Typer) else "inspect"
        setattr(module, name, function)
        self._monkeypatch.setitem(sys.modules, "multiprot.cli.inspect", module)
        return self.run("inspect", *arguments)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        out = self._capsys.readouterr()
        return code, out.out, out.err


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys)


def _raiser(error: BaseException) -> object:
    def inspect() -> None:
        raise error

    return inspect


class TestHelp:
    @pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
    def test_every_verb_is_listed(self, terminal: Terminal, arguments: list[str]) -> None:
        code, out, err = terminal.run(*arguments)
        assert code == 0
        assert err == ""
        assert all(f"\n  {verb} " in out for verb in verbs.VERBS)

    def test_every_verb_has_its_own_help(self, terminal: Terminal) -> None:
        for verb in verbs.VERBS:
            code, out, _ = terminal.run(verb, "--help")
            assert code == 0, verb
            assert f"multiprot {verb}" in out

    def test_version(self, terminal: Terminal) -> None:
        assert terminal.run("--version")[:2] == (0, f"multiprot {multiprot.__version__}\n")

    def test_numpydoc_sections_stay_out_of_help(self, terminal: Terminal) -> None:
        def inspect(count: int = 1) -> None:
            """Look at things.

            Parameters
            ----------
            count
                How many.
            """

        _, out, _ = terminal.verb(inspect, "--help")
        assert "Look at things." in out
        assert "-----" not in out


class TestExitCodes:
    def test_success(self, terminal: Terminal) -> None:
        def inspect(count: int) -> None:
            typer.echo(count + 1)

        assert terminal.verb(inspect, "4") == (0, "5\n", "")

    def test_a_verb_may_choose_its_code(self, terminal: Terminal) -> None:
        def inspect() -> None:
            raise typer.Exit(1)

        assert terminal.verb(inspect)[0] == 1

    def test_deliberate_errors(self, terminal: Terminal) -> None:
        result = terminal.verb(_raiser(DataError("corpus x is empty; build it")))
        assert result == (2, "", "error: corpus x is empty; build it\n")

    def test_unexpected_errors(self, terminal: Terminal) -> None:
        code, out, err = terminal.verb(_raiser(ValueError("first\nsecond")))
        assert (code, out) == (1, "")
        assert err == "error: unexpected ValueError: first second; run with --debug for details\n"

    @pytest.mark.parametrize("where", [0, 1])
    def test_debug_shows_the_traceback_wherever_it_stands(
        self, terminal: Terminal, where: int
    ) -> None:
        terminal.verb(_raiser(DataError("x")))
        arguments = ["inspect"]
        arguments.insert(where, "--debug")
        code, _, err = terminal.run(*arguments)
        assert code == 2
        assert "Traceback" in err
        assert err.endswith("error: x\n")

    def test_debug_behind_two_dashes_is_an_argument(self, terminal: Terminal) -> None:
        def inspect(name: str) -> None:
            typer.echo(name)

        assert terminal.verb(inspect, "--", "--debug")[:2] == (0, "--debug\n")

    def test_interruption(self, terminal: Terminal) -> None:
        assert terminal.verb(_raiser(KeyboardInterrupt())) == (130, "", "interrupted\n")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["insect"], "no such verb 'insect'; did you mean 'inspect'?; see `multiprot --help`"),
            (["zzz"], "no such verb 'zzz'; known: pretrain"),
            (["--zzz"], "no such option: --zzz; see `multiprot --help`"),
            (["plugins"], "missing command; see `multiprot plugins --help`"),
            (["plugins", "liste"], "no such command 'liste'"),
            (["plugins", "list", "--xml"], "no such option: --xml; see `multiprot plugins list"),
        ],
    )
    def test_wrong_usage(self, terminal: Terminal, arguments: list[str], message: str) -> None:
        code, out, err = terminal.run(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith(f"error: {message}")
        assert err.count("\n") == 1

    def test_wrong_type_of_an_argument(self, terminal: Terminal) -> None:
        def inspect(count: int) -> None:
            typer.echo(count)

        code, out, err = terminal.verb(inspect, "many")
        assert (code, out) == (2, "")
        assert "'count'" in err
        assert err.count("\n") == 1


class TestProcess:
    def test_a_reader_that_leaves_is_no_error(self) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [sys.executable, "-m", "multiprot.cli.main", "plugins", "list"],
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
        )
        os.close(writer)
        assert done.stderr == b""
        assert done.returncode == 1

    @pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["plugins", "list"]])
    def test_no_torch_and_no_verb_is_imported(self, arguments: list[str]) -> None:
        program = (
            "import sys, json\n"
            "from multiprot.cli.main import main\n"
            f"code = main({arguments!r})\n"
            "print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
        code, modules = json.loads(done.stderr)
        assert code == 0
        foreign = {"torch", "lightning", "pytorch_lightning", "transformers", "torch_geometric"}
        assert foreign & set(modules) == set()
        loaded = {verb for verb in verbs.VERBS if f"multiprot.cli.{verb}" in modules}
        assert loaded <= {arguments[0]}
        if arguments[0].startswith("-"):
            assert {"pydantic", "numpy", "rich", "yaml"} & set(modules) == set()


class TestVerbs:
    @pytest.mark.parametrize("verb", verbs.VERBS)
    def test_importing_a_verb_imports_nothing_heavy(self, verb: str) -> None:
        program = (
            f"import sys, multiprot.cli.{verb}\n"
            "print(*({'torch', 'lightning', 'scipy', 'pandas', 'pyarrow'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
        assert done.stdout.strip() == b""


def test_public_names_resolve_and_nothing_else_does() -> None:
    for name in multiprot.__all__:
        assert getattr(multiprot, name) is not None
    assert set(dir(multiprot)) == set(multiprot.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = multiprot.no_such_name


def test_importing_multiprot_is_free() -> None:
    program = (
        "import sys; before = set(sys.modules); import multiprot; print(*set(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    third_party = {m.split(".")[0] for m in done.stdout.split()} - sys.stdlib_module_names
    assert third_party == {"multiprot"}


def test_output_is_flushed_before_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

        def fileno(self) -> int:
            return os.open(os.devnull, os.O_WRONLY)

    monkeypatch.setattr(sys, "stdout", Closed())
    assert main(["--version"]) == 1


def test_every_verb_has_a_file() -> None:
    folder = Path(verbs.__file__).parent
    assert {file.stem for file in folder.glob("*.py")} >= set(verbs.VERBS)
