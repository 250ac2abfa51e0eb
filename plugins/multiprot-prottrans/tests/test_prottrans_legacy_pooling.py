"""MTDP's pooling over padding: for its old weights, and nowhere else."""

from __future__ import annotations

import pytest
import torch
from transformers import T5EncoderModel

from multiprot.encoders.contract import Layout, ResidueTokens
from multiprot.encoders.plugin import Modality
from multiprot.encoders.registry import Registry
from multiprot.errors import PluginError
from multiprot.proteins import ProteinRecord
from multiprot_prottrans.encoder import ProtTransEncoder
from multiprot_prottrans.family import PROTT5
from multiprot_prottrans.options import T5Options
from multiprot_prottrans.plugin import prott5

PLACES = 41
RECORDS = [
    ProteinRecord(id=f"p{n}", sequence=sequence)
    for n, sequence in enumerate(("MKTAYIAKQR", "A", "ACDEFGHIKLMNPQRSTVWYXBZUO"))
]


def encoder_of(legacy_padding: int | None) -> ProtTransEncoder:
    torch.manual_seed(0)
    options = T5Options(layers=2, width=16, heads=2, legacy_padding=legacy_padding)
    return ProtTransEncoder(PROTT5, options).eval()


def tokens_of(encoder: ProtTransEncoder, records: list[ProteinRecord]) -> ResidueTokens:
    with torch.inference_mode():
        return encoder(encoder.featurizer(records, Layout.PADDED))


def released(encoder: ProtTransEncoder, record: ProteinRecord) -> torch.Tensor:
    """As MTDP's code has it: pad to so many tokens, mean over axis 1."""
    ids = encoder.featurizer([record], Layout.PADDED).tokens
    padded = torch.full((1, PLACES), 0)
    padded[:, : ids.shape[1]] = ids
    model = T5EncoderModel(encoder.trunk.config)
    model.encoder.load_state_dict(encoder.trunk.state_dict())
    with torch.inference_mode():
        out = model.eval()(input_ids=padded, attention_mask=(padded != 0).long())
    return torch.mean(out.last_hidden_state, dim=1)[0]


@pytest.mark.parametrize("row", range(len(RECORDS)))
def test_the_mean_of_the_tokens_is_that_of_the_released_code(row: int) -> None:
    encoder = encoder_of(PLACES)
    expected = released(encoder, RECORDS[row])
    found = tokens_of(encoder, RECORDS)
    mean = found.values[row, : len(RECORDS[row])].mean(dim=0)
    torch.testing.assert_close(mean, expected, atol=1e-5, rtol=1e-5)


def test_packed_there_is_no_padding_to_count() -> None:
    assert prott5.capabilities(T5Options()).packs
    assert not prott5.capabilities(T5Options(legacy_padding=PLACES)).packs
    with pytest.raises(PluginError, match=r"prott5 takes padded.*packs=False"):
        encoder_of(PLACES).featurizer(RECORDS, Layout.PACKED)


def test_without_it_padding_counts_nowhere() -> None:
    """And the two differ: the released vector depends on how far it pads."""
    plain, legacy = encoder_of(None), encoder_of(PLACES)
    own = tokens_of(plain, RECORDS[:1]).values[0].mean(dim=0)
    other = tokens_of(legacy, RECORDS[:1]).values[0].mean(dim=0)
    assert torch.cosine_similarity(own, other, dim=0) < 0.999


def test_residues_keep_their_differences() -> None:
    plain, legacy = (tokens_of(encoder_of(p), RECORDS[:1]).values[0] for p in (None, PLACES))
    torch.testing.assert_close(plain - plain[0], legacy - legacy[0], atol=1e-5, rtol=1e-5)


def test_a_protein_that_takes_more_places_is_refused() -> None:
    with pytest.raises(PluginError, match="more than legacy_padding 20"):
        tokens_of(encoder_of(20), RECORDS)


def test_a_saved_model_keeps_it() -> None:
    encoder = encoder_of(PLACES)
    assert encoder.portable_options["legacy_padding"] == PLACES
    plugin = Registry.discover().encoder(Modality.SEQUENCE, "prott5")
    built = plugin.build(plugin.config.model_validate(encoder.portable_options))
    assert built.portable_options == encoder.portable_options
