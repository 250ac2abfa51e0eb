"""Every encoder of ours has a recipe in configs/encoders that trains it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from multiprot.cli.recipes import resolve_recipe
from multiprot.data.synthetic_ontology import mini_ontology
from multiprot.encoders.registry import ENCODER_GROUPS, Registry

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "configs" / "encoders").glob("*.yaml"))
SMALL = (
    *("corpus.synthetic.families=4", "corpus.synthetic.proteins_per_family=6"),
    *("trainer.max_steps=2", "batch.tokens_per_batch=512", "batch.go_min_proteins=1"),
)


def named(recipe: Path) -> set[str]:
    """Encoders that a recipe trains."""
    model = resolve_recipe([str(recipe)]).value.model
    sections = (model.sequence, model.structure, model.go)
    return {section.name for section in sections if section is not None}


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_the_recipe_holds(recipe: Path) -> None:
    """It passes all checks of settings, and trains the encoder that it is called after."""
    assert recipe.stem.removesuffix("-lora") in named(recipe)


def test_every_encoder_has_one() -> None:
    ours = {
        row.name
        for row in Registry.discover().rows()
        if row.group in ENCODER_GROUPS.values() and row.distribution.startswith("multiprot-")
    }
    assert ours - set().union(*(named(recipe) for recipe in RECIPES)) == set()


def put_files(folder: Path) -> None:
    """What two of the recipes read: vectors of GO terms, and a text encoder."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    ontology = mini_ontology(4)
    vectors = np.random.default_rng(0).normal(size=(len(ontology), 12)).astype(np.float32)
    np.savez(folder / "go_vectors.npz", ids=np.array(ontology.term_ids), vectors=vectors)
    texts = [f"{ontology.name(t)} {ontology.definition(t)}" for t in ontology.term_ids]
    words = sorted({word for text in texts for word in text.replace(".", " . ").split()})
    tokens = ["[PAD]", "[UNK]", ".", ":", *words]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=64
    )
    fast.save_pretrained(folder / "text_encoder")
    shape = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    BertModel(shape).save_pretrained(folder / "text_encoder")


@pytest.mark.long
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_it_trains(recipe: Path, tmp_path: Path) -> None:
    """Two steps, from the folder that the recipe's files lie in, to a bundle that loads."""
    put_files(tmp_path)
    program = str(Path(sys.executable).parent / "multiprot")
    command = [program, "pretrain", str(recipe), *SMALL, "--out", "run"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"OMP_NUM_THREADS": "1", **os.environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    manifest = json.loads((tmp_path / "run" / "bundle" / "bundle.json").read_text())
    assert "model.safetensors" in manifest["files"]
    assert ("adapters.safetensors" in manifest["files"]) == ("lora" in recipe.stem)
