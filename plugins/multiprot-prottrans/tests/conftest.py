"""Tiny checkpoint folders in the formats of the released models, and transformers' own answers."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from sentencepiece import SentencePieceTrainer
from tokenizers import Tokenizer, models, processors
from torch import Tensor
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertModel,
    BertTokenizer,
    T5Config,
    T5EncoderModel,
    T5ForConditionalGeneration,
    T5Tokenizer,
)

from multiprot.encoders.plugin import EncoderPlugin
from multiprot.proteins import ProteinRecord
from multiprot_prottrans.encoder import ProtTransEncoder
from multiprot_prottrans.family import ANKH, PROTBERT, PROTBERT_TOKENS, PROTT5, Family
from multiprot_prottrans.options import ProtTransOptions
from multiprot_prottrans.plugin import ankh, protbert, prott5

LETTERS = "ALGVSREDTIPKFQNYMHWCXBOUZ"
PROSTT5_TOKENS = (*"acdefghiklmnpqrstvwy", "<fold2AA>", "<AA2fold>")


@dataclass(frozen=True)
class Checkpoint:
    """A folder and how its authors say it is to be used.

    Attributes
    ----------
    written
        A residue sequence as the tokenizer wants it; a hidden residue is None.
    """

    folder: Path
    family: Family
    plugin: EncoderPlugin[Any]
    tokenizer: Any
    written: Callable[[Sequence[str | None]], Any]
    lead: int

    def options(self, **given: Any) -> ProtTransOptions:
        return self.plugin.config(checkpoint=str(self.folder), **given)

    def encoder(self, **given: Any) -> ProtTransEncoder:
        return ProtTransEncoder(self.family, self.options(**given)).eval()

    def ids(self, sequence: Sequence[str | None]) -> list[int]:
        """Token ids, special ones included, by transformers' tokenizer."""
        written = self.written(sequence)
        split = isinstance(written, list)
        return list(self.tokenizer(written, is_split_into_words=split).input_ids)

    def hidden(self, sequence: Sequence[str | None]) -> Tensor:
        """Last hidden states [residue, channel] of one protein by transformers' model."""
        model = BertModel if self.family is PROTBERT else T5EncoderModel
        direct = model.from_pretrained(self.folder).eval()
        with torch.no_grad():
            found = direct(torch.tensor([self.ids(sequence)])).last_hidden_state
        return found[0, self.lead : self.lead + len(sequence)]


def spaced(
    mask: str, before: str = "", rare: str = "[UZOBJ]"
) -> Callable[[Sequence[str | None]], str]:
    """The documented input form of ProtT5 and ProtBert: rare letters as X, spaces between."""

    def written(sequence: Sequence[str | None]) -> str:
        words = [mask if letter is None else re.sub(rare, "X", letter) for letter in sequence]
        return " ".join([before, *words] if before else words)

    return written


def split_words(sequence: Sequence[str | None]) -> list[str]:
    """The documented input form of Ankh: a list of letters; it has none for J."""
    return ["<extra_id_0>" if x is None else x.replace("J", "X") for x in sequence]


def write_prott5(folder: Path, prefixed: bool = False) -> None:
    rng = random.Random(0)
    sentences = [" ".join(rng.choices(LETTERS, k=60)) for _ in range(200)]
    SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_prefix=str(folder / "spiece"),
        vocab_size=28,
        model_type="word",
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / "spiece.vocab").unlink()
    if prefixed:
        added = {token: 128 + number for number, token in enumerate(PROSTT5_TOKENS)}
        (folder / "added_tokens.json").write_text(json.dumps(added))
    torch.manual_seed(3)
    config = T5Config(
        vocab_size=150 if prefixed else 128,
        d_model=24,
        d_kv=10,
        d_ff=40,
        num_layers=3,
        num_heads=2,
        feed_forward_proj="relu",
    )
    T5ForConditionalGeneration(config).save_pretrained(folder)


def write_protbert(folder: Path) -> None:
    (folder / "vocab.txt").write_text("\n".join(PROTBERT_TOKENS) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False}))
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=30,
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=40,
        max_position_embeddings=66,
        initializer_range=0.2,
    )
    BertForMaskedLM(config).save_pretrained(folder)


def write_ankh(folder: Path) -> None:
    tokens = ["<pad>", "</s>", "<unk>", *LETTERS, *(f"<extra_id_{n}>" for n in range(115))]
    tokenizer = Tokenizer(models.Unigram([(token, 0.0) for token in tokens], unk_id=2))
    tokenizer.add_special_tokens([token for token in tokens if token.startswith("<")])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=["$A", "</s>"], special_tokens=[("</s>", 1)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    kinds = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **kinds})
    )
    torch.manual_seed(3)
    config = T5Config(
        vocab_size=144,
        d_model=24,
        d_kv=10,
        d_ff=40,
        num_layers=3,
        num_heads=2,
        relative_attention_num_buckets=64,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
    )
    T5ForConditionalGeneration(config).save_pretrained(folder)


def write(kind: str, folder: Path) -> Checkpoint:
    """A checkpoint of one kind in `folder`."""
    folder.mkdir(exist_ok=True)
    if kind == "protbert":
        write_protbert(folder)
        tokenizer = BertTokenizer.from_pretrained(folder, do_lower_case=False)
        return Checkpoint(folder, PROTBERT, protbert, tokenizer, spaced("[MASK]"), 1)
    if kind == "ankh":
        write_ankh(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        return Checkpoint(folder, ANKH, ankh, tokenizer, split_words, 0)
    write_prott5(folder, prefixed=kind == "prostt5")
    tokenizer = T5Tokenizer.from_pretrained(folder, do_lower_case=False)
    prefix = "<AA2fold>" if kind == "prostt5" else ""
    form = spaced("<extra_id_0>", prefix)
    return Checkpoint(folder, PROTT5, prott5, tokenizer, form, len(prefix) > 0)


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], Checkpoint]:
    """Writes a checkpoint of the kind it is asked for."""
    return lambda kind: write(kind, tmp_path / kind)


@pytest.fixture(params=["prott5", "prostt5", "protbert", "ankh"])
def checkpoint(make: Callable[[str], Checkpoint], request: pytest.FixtureRequest) -> Checkpoint:
    """A checkpoint of each kind in turn."""
    return make(request.param)


@pytest.fixture
def records() -> Callable[..., list[ProteinRecord]]:
    """Makes records of sequences."""
    return lambda *sequences: [
        ProteinRecord(id=f"p{number}", sequence=sequence)
        for number, sequence in enumerate(sequences)
    ]
