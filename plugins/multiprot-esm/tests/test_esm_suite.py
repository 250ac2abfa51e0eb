"""What multiprot asks of every encoder."""

from __future__ import annotations

from multiprot.encoders.lora import LoraOptions
from multiprot.testing import SequenceEncoderSuite, StructureEncoderSuite
from multiprot_esm.inverse_folding.options import EsmIf1Options
from multiprot_esm.inverse_folding.plugin import esm_if1
from multiprot_esm.options import Esm2Options
from multiprot_esm.plugin import esm2
from multiprot_esm.vocabulary import ESM2_TOKENS


class TestEsm2(SequenceEncoderSuite):
    plugin = esm2

    def tiny_config(self) -> Esm2Options:
        return Esm2Options(layers=2, width=32, heads=4, max_residues=64)


class TestFrozenEsm2(SequenceEncoderSuite):
    plugin = esm2

    def tiny_config(self) -> Esm2Options:
        return Esm2Options(layers=1, width=32, heads=4, max_residues=64, freeze="all")


class TestEsm2WithTokenDropout(SequenceEncoderSuite):
    plugin = esm2

    def tiny_config(self) -> Esm2Options:
        return Esm2Options(layers=1, width=32, heads=4, max_residues=64, token_dropout=True)


class TestEsm2WithAdapters(SequenceEncoderSuite):
    plugin = esm2

    def tiny_config(self) -> Esm2Options:
        lora = LoraOptions(rank=2)
        return Esm2Options(layers=2, width=32, heads=4, max_residues=64, lora=lora)


class TestEsm1b(SequenceEncoderSuite):
    """Learned positions and a norm before the layers, as a saved ESM-1b tells them."""

    plugin = esm2

    def tiny_config(self) -> Esm2Options:
        shape = {
            "attention_probs_dropout_prob": 0.0,
            "emb_layer_norm_before": True,
            "hidden_dropout_prob": 0.0,
            "hidden_size": 32,
            "initializer_range": 32**-0.5,
            "intermediate_size": 64,
            "layer_norm_eps": 1e-5,
            "max_position_embeddings": 68,
            "num_attention_heads": 4,
            "num_hidden_layers": 1,
            "position_embedding_type": "absolute",
            "token_dropout": True,
        }
        return Esm2Options(architecture={"shape": shape, "tokens": list(ESM2_TOKENS)})


class TestEsmIf1(StructureEncoderSuite):
    plugin = esm_if1

    def tiny_config(self) -> EsmIf1Options:
        return EsmIf1Options.model_validate(dict(esm_if1.tiny_options))


class TestFrozenEsmIf1(StructureEncoderSuite):
    plugin = esm_if1

    def tiny_config(self) -> EsmIf1Options:
        return EsmIf1Options.model_validate({**esm_if1.tiny_options, "freeze": "all"})
