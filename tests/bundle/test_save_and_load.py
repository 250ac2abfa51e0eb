"""A saved model is the same model again, and nothing else is."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
import torch

from multiprot.bundle import Bundle, BundleExtras, load_bundle, save_bundle
from multiprot.bundle import format as layout
from multiprot.encoders.plugin import Modality
from multiprot.errors import BundleError, ConfigError, MultiprotError, OutputExistsError
from multiprot.fusion import ModelConfig
from tests.tiny_model import (
    CONFIG,
    FILES,
    PROVENANCE,
    save_tiny_bundle,
    tiny_extras,
    tiny_model,
    tiny_ontology,
)


@pytest.fixture(scope="module")
def loaded(tiny_bundle: Path) -> Bundle:
    return load_bundle(tiny_bundle)


def test_every_tensor_comes_back_bit_for_bit(loaded: Bundle) -> None:
    original = tiny_model().state_dict()
    found = loaded.model.state_dict()
    assert list(found) == list(original)
    for name, tensor in original.items():
        assert torch.equal(found[name], tensor), name
    assert not loaded.model.training


def test_all_that_was_recorded_comes_back(loaded: Bundle) -> None:
    assert loaded.provenance == PROVENANCE
    assert loaded.name == "tiny"
    assert loaded.ontology is not None
    assert loaded.ontology.content_hash == tiny_ontology().content_hash
    assert "- content hash: c0ffee" in loaded.card
    assert loaded.warnings == ()
    assert loaded.lock.go_release == tiny_ontology().release
    assert [plugin.name for plugin in loaded.lock.plugins] == [
        "residue-transformer",
        "residue-geometry",
        "term-table",
        "masked-residue",
        "token-alignment",
    ]


def test_options_are_written_out_in_full(loaded: Bundle) -> None:
    given = ModelConfig.model_validate(CONFIG)
    assert loaded.config.fusion == given.fusion
    assert loaded.config.sequence is not None
    assert given.sequence is not None
    assert given.sequence.options.items() <= loaded.config.sequence.options.items()
    assert "rotary_base" in loaded.config.sequence.options


def test_capabilities_are_those_of_the_options(loaded: Bundle) -> None:
    capabilities = loaded.capabilities()
    assert capabilities[Modality.SEQUENCE].max_residues == 96
    assert capabilities[Modality.STRUCTURE].max_residues is None


def test_objectives_come_back_with_their_state(loaded: Bundle) -> None:
    trained = tiny_extras().objectives
    assert trained is not None
    total = loaded.load_objectives()
    assert total.weights == {"masked-residue": 0.5, "token-alignment": 1.0}
    assert not total.training
    expected = trained.module.state_dict()
    assert len(expected) > 0
    for name, tensor in total.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def test_the_readout_comes_back(loaded: Bundle) -> None:
    original, found = tiny_extras().readout, loaded.load_readout()
    assert original is not None
    assert loaded.has_readout()
    assert found.term_ids == original.term_ids
    cosines = torch.tensor([[0.0, 0.5, -1.0]])
    expected = torch.tensor([[0.5, 2.5, -6.5]]).sigmoid()
    assert torch.allclose(found.probabilities(cosines), expected)
    assert torch.equal(found.log_prior, original.log_prior)


def test_optional_parts_may_be_absent(tmp_path: Path) -> None:
    config = ModelConfig.model_validate({**CONFIG, "go": None})
    save_bundle(tmp_path / "b", model=tiny_model(config), model_config=config, provenance={})
    bundle = load_bundle(tmp_path / "b")
    assert {path.name for path in (tmp_path / "b").iterdir()} == {
        *layout.REQUIRED,
        layout.BUNDLE.file_name,
    }
    assert bundle.ontology is None
    assert bundle.name == "b"
    assert not bundle.has_readout()
    with pytest.raises(BundleError, match="holds no GO readout"):
        bundle.load_readout()
    with pytest.raises(BundleError, match="holds no objectives"):
        bundle.load_objectives()


def test_no_file_is_a_pickle_or_executable(tiny_bundle: Path) -> None:
    assert sorted(path.name for path in tiny_bundle.iterdir()) == sorted(FILES)
    for path in tiny_bundle.iterdir():
        assert path.read_bytes()[:2] not in (b"\x80\x02", b"\x80\x04", b"PK", b"#!")
        assert not path.stat().st_mode & 0o111
        assert path.stat().st_mode & stat.S_IRUSR


def test_equal_models_give_equal_content_hashes(tiny_bundle: Path, tmp_path: Path) -> None:
    again = save_tiny_bundle(tmp_path / "again")
    for name in FILES:
        assert (again / name).read_bytes() == (tiny_bundle / name).read_bytes(), name


def test_the_content_hash_follows_the_weights_and_not_the_card(
    loaded: Bundle, tmp_path: Path
) -> None:
    arguments: dict[str, Any] = {
        "model_config": ModelConfig.model_validate(CONFIG),
        "ontology": tiny_ontology(),
    }
    extras = tiny_extras()
    save_bundle(
        tmp_path / "a", model=tiny_model(), provenance={"note": "x"}, extras=extras, **arguments
    )
    save_bundle(
        tmp_path / "b", model=tiny_model(seed=5), provenance=PROVENANCE, extras=extras, **arguments
    )
    assert load_bundle(tmp_path / "a").content_hash == loaded.content_hash
    assert load_bundle(tmp_path / "b").content_hash != loaded.content_hash


def test_an_undefined_metric_does_not_cost_the_model(tmp_path: Path) -> None:
    config = ModelConfig.model_validate({**CONFIG, "go": None})
    metrics = {"recall": float("nan"), "curve": [1.0, float("inf")]}
    save_bundle(
        tmp_path / "b",
        model=tiny_model(config),
        model_config=config,
        provenance={"metrics": metrics},
    )
    bundle = load_bundle(tmp_path / "b")
    assert bundle.provenance == {"metrics": {"recall": "nan", "curve": [1.0, "inf"]}}
    assert "- recall: nan" in bundle.card


def test_saving_refuses_what_exists(tmp_path: Path) -> None:
    save_tiny_bundle(tmp_path / "b")
    with pytest.raises(OutputExistsError):
        save_tiny_bundle(tmp_path / "b")
    load_bundle(tmp_path / "b")


def test_overwriting_replaces_the_whole_folder(tmp_path: Path) -> None:
    target = save_tiny_bundle(tmp_path / "b")
    config = ModelConfig.model_validate({**CONFIG, "go": None})
    save_bundle(
        target, model=tiny_model(config), model_config=config, provenance={}, overwrite=True
    )
    assert not (target / layout.ONTOLOGY).exists()
    assert load_bundle(target).ontology is None
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def failing_saves() -> list[Any]:
    diverged = tiny_model()
    with torch.no_grad():
        next(diverged.parameters()).fill_(float("nan"))
    config = ModelConfig.model_validate(CONFIG)
    other = config.model_copy(update={"go": None})
    wrong = {**CONFIG, "fusion": {**CONFIG["fusion"], "shared_dim": 13}}
    return [
        pytest.param(diverged, config, {}, "NaN or infinity", id="diverged"),
        pytest.param(tiny_model(), other, {}, "go together", id="ontology without encoder"),
        pytest.param(tiny_model(), config, {"x": {1, 2}}, "plain JSON", id="set in provenance"),
        pytest.param(
            tiny_model(),
            ModelConfig.model_validate(wrong),
            {},
            "project_protein",
            id="other config",
        ),
    ]


@pytest.mark.parametrize(("model", "config", "provenance", "message"), failing_saves())
def test_a_failed_save_leaves_nothing(
    tmp_path: Path, model: Any, config: ModelConfig, provenance: dict[str, Any], message: str
) -> None:
    with pytest.raises(BundleError, match=message):
        save_bundle(
            tmp_path / "b",
            model=model,
            model_config=config,
            ontology=tiny_ontology(),
            provenance=provenance,
        )
    assert list(tmp_path.iterdir()) == []


def test_portable_options_take_the_place_of_those_that_need_a_file(tmp_path: Path) -> None:
    config = ModelConfig.model_validate({**CONFIG, "go": None})
    model = tiny_model(config)
    assert model.sequence is not None
    assert config.sequence is not None
    model.sequence.portable_options = dict(config.sequence.options)
    from_checkpoint = {**CONFIG["sequence"], "options": {"checkpoint": "/gone/tomorrow"}}
    given = ModelConfig.model_validate({**CONFIG, "go": None, "sequence": from_checkpoint})
    save_bundle(tmp_path / "b", model=model, model_config=given, provenance={})
    assert "/gone" not in (tmp_path / "b" / layout.CONFIG).read_text()
    assert "/gone" not in (tmp_path / "b" / layout.LOCK).read_text()
    found = load_bundle(tmp_path / "b").model.state_dict()
    for name, tensor in model.state_dict().items():
        assert torch.equal(found[name], tensor)


def test_a_bad_option_names_its_key(tmp_path: Path) -> None:
    config = ModelConfig.model_validate(
        {**CONFIG, "go": None, "sequence": {"name": "residue-transformer", "options": {"wdth": 1}}}
    )
    without_go = ModelConfig.model_validate({**CONFIG, "go": None})
    with pytest.raises(ConfigError, match=r"model\.sequence\.options\.wdth.*'width'"):
        save_bundle(
            tmp_path / "b", model=tiny_model(without_go), model_config=config, provenance={}
        )


def test_a_read_only_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root, as which containers run tests, may write anywhere; so the system's answer is replaced.
    monkeypatch.setattr("multiprot.files.os.access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(MultiprotError, match=f"{tmp_path}: permission denied"):
        save_tiny_bundle(tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_readout_needs_one_number_per_term() -> None:
    readout = tiny_extras().readout
    assert readout is not None
    with pytest.raises(BundleError, match=r"scale has shape \(2,\) for 3 terms"):
        type(readout)(
            term_ids=readout.term_ids,
            log_prior=readout.log_prior,
            scale=readout.scale[:2],
            bias=readout.bias,
        )
    assert BundleExtras().readout is None
