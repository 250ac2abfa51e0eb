"""Low-rank adapters: what learns, what stays, and how a saved model is built again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from multiprot.encoders.contract import Layout
from multiprot.encoders.lora import LoraOptions
from multiprot.errors import PluginError
from multiprot.proteins import ProteinRecord
from multiprot_esm.encoder import Esm2Encoder
from multiprot_esm.options import Esm2Options
from multiprot_esm.plugin import esm2

BASE = {"layers": 2, "width": 32, "heads": 4, "max_residues": 64}


def encoder(seed: int = 0, **options: Any) -> Esm2Encoder:
    torch.manual_seed(seed)
    return Esm2Encoder(Esm2Options.model_validate({**BASE, **options})).eval()


def tokens(model: Esm2Encoder) -> torch.Tensor:
    records = [ProteinRecord(id="a", sequence="MKTAYIAKQR"), ProteinRecord(id="b", sequence="W")]
    values: torch.Tensor = model(model.featurizer(records, Layout.PADDED)).values
    return values


def awake(model: Esm2Encoder) -> Esm2Encoder:
    """Adapters begin at zero; here they do something."""
    with torch.no_grad():
        for name, part in model.named_parameters():
            if name in model.adapter_names:
                part.normal_()
    return model


def test_untrained_adapters_change_nothing() -> None:
    assert torch.equal(tokens(encoder(lora={"rank": 4})), tokens(encoder()))


def test_adapters_learn_and_nothing_else_does() -> None:
    model = awake(encoder(lora={"rank": 4})).train()
    learning = {name for name, part in model.named_parameters() if part.requires_grad}
    assert learning == model.adapter_names
    assert len(learning) == 2 * 2 * 2  # layers, query and value, two matrices each
    before = {name: part.clone() for name, part in model.named_parameters()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    tokens(model).square().sum().backward()
    optimizer.step()
    moved = {name for name, part in model.named_parameters() if not torch.equal(part, before[name])}
    assert moved == model.adapter_names
    assert model.adapter_names <= set(model.state_dict())


def test_the_base_drops_nothing_and_adapters_drop_their_own() -> None:
    """In training the frozen base is as in use; an adapter's dropout acts in training only."""
    still = awake(encoder(dropout=0.5, lora={"rank": 4})).train()
    assert torch.equal(tokens(still), tokens(still))
    dropping = awake(encoder(lora={"rank": 4, "dropout": 0.5})).train()
    assert not torch.equal(tokens(dropping), tokens(dropping))
    dropping.eval()
    assert torch.equal(tokens(dropping), tokens(dropping))


def test_targets_can_be_named_and_a_wrong_one_is_refused() -> None:
    model = encoder(lora={"rank": 2, "targets": ["key", "dense"]})
    adapted = {name.split(".lora_")[0].rsplit(".", 1)[-1] for name in model.adapter_names}
    assert adapted == {"key", "dense"}
    with pytest.raises(PluginError, match=r"esm2: option lora\.targets names 'q_proj'"):
        encoder(lora={"rank": 2, "targets": ["q_proj"]})


def test_one_way_to_learn() -> None:
    for freeze in ("all", 1):
        with pytest.raises(ValidationError, match=f"freeze {freeze} beside lora"):
            Esm2Options(freeze=freeze, lora=LoraOptions(rank=2))


def test_capabilities_say_so() -> None:
    plain, adapted = Esm2Options(layers=1), Esm2Options(layers=1, lora=LoraOptions(rank=2))
    assert not esm2.capabilities(plain).adapters
    assert esm2.capabilities(adapted).adapters
    assert esm2.capabilities(adapted).trainable
    assert encoder().adapter_names == frozenset()


def test_adapters_of_a_checkpoint_and_back_without_it(file: Path) -> None:
    """What a bundle does: build from recorded options, then load its own weights."""
    options = {"checkpoint": str(file), "lora": {"rank": 2, "alpha": 3.0}}
    model = awake(Esm2Encoder(Esm2Options.model_validate(options))).eval()
    plain = Esm2Encoder(Esm2Options(checkpoint=str(file))).eval()
    assert not torch.allclose(tokens(model), tokens(plain), atol=1e-3)
    told = json.loads(json.dumps(model.portable_options))
    file.unlink()
    again = Esm2Encoder(Esm2Options.model_validate(told)).eval()
    again.load_state_dict(model.state_dict())
    assert torch.equal(tokens(again), tokens(model))
    assert again.adapter_names == model.adapter_names
    assert again.portable_options == model.portable_options
