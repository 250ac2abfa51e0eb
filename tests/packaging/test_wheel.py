"""A built wheel, alone in an empty environment, embeds proteins without a trainer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, **options: object) -> str:
    # The developer's own packages must not be seen from the new environment.
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        **options,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return str(done.stdout)


def build_wheel(source: Path, out: Path) -> Path:
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", out, source)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def mini_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT / "plugins" / "multiprot-mini", tmp_path_factory.mktemp("mini"))


@pytest.mark.long
def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"multiprot"}
    assert "multiprot/py.typed" in names
    assert "multiprot/training/recipes/quickstart.yaml" in names
    shipped = {name for name in names if name.startswith("multiprot/") and name.endswith(".py")}
    written = {str(p.relative_to(ROOT)) for p in (ROOT / "multiprot").rglob("*.py")}
    template = ROOT / "plugins" / "multiprot-template"
    # What `multiprot plugins new` starts from.
    templates = {
        f"multiprot/testing/templates/{p.relative_to(template)}" for p in template.rglob("*.py")
    }
    assert shipped == written | templates
    assert "multiprot/testing/templates/go/recipe.yaml" in names


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_an_empty_environment_embeds_from_the_wheels(
    wheel: Path, mini_wheel: Path, tiny_bundle: Path, tmp_path: Path
) -> None:
    assert mini_wheel.stat().st_size < 20_000_000
    environment = tmp_path / "venv"
    run(sys.executable, "-m", "venv", environment)
    python = environment / "bin" / "python"
    constraints = ROOT / "constraints.txt"
    run(python, "-m", "pip", "install", "--quiet", "-c", constraints, wheel, mini_wheel)
    listed = {
        p["name"].lower() for p in json.loads(run(python, "-m", "pip", "list", "--format=json"))
    }
    assert not listed & {"lightning", "pytorch-lightning", "tensorboard", "transformers", "pytest"}

    fasta = tmp_path / "two.fasta"
    fasta.write_text(">one\nMKTAYIAKQR\n>two\nGSHMLEDPVA\n")
    store = tmp_path / "vectors"
    command = [environment / "bin" / "multiprot", "embed", fasta]
    run(*command, "--model", tiny_bundle, "--out", store, cwd=tmp_path)
    read = (
        "import sys; from multiprot.embedding import EmbeddingStore; "
        "s = EmbeddingStore.open(sys.argv[1]); print(list(s.ids), s.vectors().shape[0])"
    )
    assert run(python, "-c", read, store, cwd=tmp_path).split() == ["['one',", "'two']", "2"]
    # No model named, none downloaded.
    run(*command, "--out", tmp_path / "mini", cwd=tmp_path)
    assert run(python, "-c", read, tmp_path / "mini", cwd=tmp_path).split()[-1] == "2"
