"""The encoder `go-text`: what a text encoder says of names and definitions."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    BertModel,
    RobertaConfig,
    RobertaModel,
    T5Config,
)

from multiprot.encoders.options import validate_options
from multiprot.errors import ConfigError, PluginError
from multiprot.ontology import GeneOntology, Namespace, Term
from multiprot_go_graph.checkpoint import read_checkpoint
from multiprot_go_graph.options import GoTextOptions
from multiprot_go_graph.plugin import go_text
from multiprot_go_graph.text_encoder import GoTextEncoder, term_texts

NAMES = ["zinc ion binding", "ion binding", "binding", "kinase activity", "protein kinase activity"]


def ontology(definitions: bool = True, length: int = 2) -> GeneOntology:
    """Five named terms, and below them one whose name is its id."""
    ids = [f"GO:{n:07d}" for n in range(6)]
    return GeneOntology.from_terms(
        Term(
            id=term_id,
            name=name,
            namespace=Namespace.FUNCTION,
            definition="Being  of\nno use." * length if definitions and n == 1 else "",
            is_a=(ids[3], ids[1]) if n == 5 else (),
        )
        for n, (term_id, name) in enumerate(zip(ids, [*NAMES, ids[5]], strict=True))
    )


def encoder(bound: GeneOntology | None = None, **options: object) -> GoTextEncoder:
    torch.manual_seed(0)
    made = GoTextEncoder(GoTextOptions.model_validate({"width": None, **options})).eval()
    made.bind(bound or ontology())
    return made


def every(made: GoTextEncoder) -> torch.Tensor:
    with torch.no_grad():
        return made(torch.arange(len(made.ontology)))


def test_a_text_is_name_and_definition_and_a_bare_id_is_none() -> None:
    bound = ontology()
    assert term_texts(bound, definitions=True) == [
        NAMES[0],
        "ion binding: Being of no use.Being of no use.",
        *NAMES[2:],
        "",
    ]
    assert term_texts(bound, definitions=False) == [*NAMES, ""]


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_vectors_are_those_of_transformers(checkpoint: Path, pooling: str) -> None:
    """The library's own model and tokenizer, asked for one text at a time."""
    direct = BertModel.from_pretrained(checkpoint).eval()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    found = every(encoder(checkpoint=str(checkpoint), pooling=pooling, standardise=False))
    for row, text in enumerate(term_texts(ontology(), definitions=True)[:5]):
        with torch.no_grad():
            hidden = direct(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
        expected = hidden.mean(dim=0) if pooling == "mean" else hidden[0]
        torch.testing.assert_close(found[row], expected, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", ["distilbert", "electra", "modernbert", "mpnet", "roberta"])
def test_other_text_encoders(write_checkpoint: object, tmp_path: Path, kind: str) -> None:
    """Whatever `AutoModel` opens: the same as text by text, in batches of any size."""
    write_checkpoint(tmp_path)
    shape = {
        "vocab_size": 83,
        "hidden_size": 12,
        "embedding_size": 12,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 20,
        "initializer_range": 0.3,
        "max_position_embeddings": 70,
        "pad_token_id": 0,
    }
    torch.manual_seed(2)
    direct = AutoModel.from_config(AutoConfig.for_model(kind, **shape)).eval()
    direct.save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    options = {"standardise": False, "definitions": False, "tokens_per_batch": 80}
    found = every(encoder(checkpoint=str(tmp_path), **options))
    for row, text in enumerate(NAMES):
        tokens = torch.tensor([tokenizer(text)["input_ids"]])
        with torch.no_grad():
            expected = direct(tokens).last_hidden_state[0].mean(dim=0)
        torch.testing.assert_close(found[row], expected, atol=2e-6, rtol=1e-5)


@given(tokens=st.integers(1, 300), order=st.permutations(range(5)))
@settings(max_examples=12, deadline=None)
def test_batches_and_neighbours_do_not_matter(
    checkpoint: Path, tokens: int, order: list[int]
) -> None:
    """The same text has the same vector in any company."""
    whole = every(encoder(checkpoint=str(checkpoint), standardise=False))
    few = [NAMES[n] for n in order[:3]]
    terms = (
        Term(id=f"GO:{n:07d}", name=name, namespace=Namespace.PROCESS) for n, name in enumerate(few)
    )
    options = {"standardise": False, "tokens_per_batch": tokens, "definitions": False}
    found = every(encoder(GeneOntology.from_terms(terms), checkpoint=str(checkpoint), **options))
    for row, number in enumerate(order[:3]):
        if number != 1:
            torch.testing.assert_close(found[row], whole[number], atol=2e-6, rtol=1e-5)


def test_a_term_without_text_gets_the_mean_of_its_parents(
    checkpoint: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "multiprot_go_graph"):
        made = encoder(checkpoint=str(checkpoint), spread=0.0)
    vectors = every(made)
    torch.testing.assert_close(vectors[5], (vectors[1] + vectors[3]) / 2, atol=1e-6, rtol=1e-5)
    assert (made.coverage.own, made.coverage.filled) == (5, 1)
    assert "5 terms have vectors of their own" in caplog.text
    assert "1 from their parents'" in caplog.text


def test_standardised_by_default(checkpoint: Path) -> None:
    vectors = every(encoder(checkpoint=str(checkpoint)))[:5]
    torch.testing.assert_close(vectors.mean(dim=0), torch.zeros(12), atol=1e-5, rtol=0)
    torch.testing.assert_close(vectors.std(dim=0, correction=0), torch.ones(12), atol=1e-4, rtol=0)


def test_too_long_a_text_is_refused_by_name_or_cut_on_request(checkpoint: Path) -> None:
    long = ontology(length=9)
    with pytest.raises(PluginError, match=r"1 of 5 texts .* 64 tokens .* GO:0000001 with \d+"):
        encoder(long, checkpoint=str(checkpoint))
    made = encoder(long, checkpoint=str(checkpoint), max_tokens=64, standardise=False)
    assert made.cut == ("GO:0000001",)
    whole = encoder(ontology(), checkpoint=str(checkpoint), standardise=False)
    rows = [0, 2, 3, 4]
    torch.testing.assert_close(every(made)[rows], every(whole)[rows], atol=2e-6, rtol=1e-5)
    assert encoder(long, checkpoint=str(checkpoint), definitions=False).cut == ()
    with pytest.raises(PluginError, match="max_tokens 65 is more than the 64"):
        encoder(checkpoint=str(checkpoint), max_tokens=65)


def test_truncation_in_the_tokenizers_own_file_cuts_nothing(
    write_checkpoint: object, tmp_path: Path
) -> None:
    """sentence-transformers saves tokenizers that cut and pad by themselves."""
    write_checkpoint(tmp_path)
    options = {"checkpoint": str(tmp_path), "standardise": False}
    before = every(encoder(**options))
    path = tmp_path / "tokenizer.json"
    told = json.loads(path.read_text())
    told["truncation"] = {
        "direction": "Right",
        "max_length": 4,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    told["padding"] = {
        "strategy": {"Fixed": 50},
        "direction": "Left",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "[PAD]",
    }
    path.write_text(json.dumps(told))
    torch.testing.assert_close(every(encoder(**options)), before)


def sentence_folder(write_checkpoint: object, folder: Path, mode: str, *more: str) -> str:
    """A folder as sentence-transformers writes it, the transformer in a folder of its own."""
    write_checkpoint(folder / "0_Transformer")
    kinds = {"0_Transformer": "Transformer", "1_Pooling": "Pooling"}
    kinds |= {f"{n}_{kind}": kind for n, kind in enumerate(more, start=2)}
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (path, kind) in enumerate(kinds.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    flags = {f"pooling_mode_{m}_tokens": m == mode for m in ("mean", "max")}
    pooling = {"word_embedding_dimension": 12, "pooling_mode_cls_token": mode == "cls", **flags}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 40}))
    return str(folder)


def test_a_sentence_transformers_folder(write_checkpoint: object, tmp_path: Path) -> None:
    """Its own pooling, limit and scaling; a module that is not known is refused."""
    folder = sentence_folder(write_checkpoint, tmp_path / "a", "cls", "Normalize")
    found = read_checkpoint(GoTextOptions(checkpoint=folder))
    assert (found.pooling, found.max_tokens, found.unit_length) == ("first", 40, True)
    options = {"standardise": False, "definitions": False}
    made = every(encoder(checkpoint=folder, **options))[:5]
    plain = encoder(checkpoint=str(found.folder), pooling="first", **options)
    expected = torch.nn.functional.normalize(every(plain)[:5], dim=1)
    torch.testing.assert_close(made, expected, atol=2e-6, rtol=1e-5)
    with pytest.raises(PluginError, match="pools by pooling_mode_max_tokens"):
        encoder(checkpoint=sentence_folder(write_checkpoint, tmp_path / "b", "max"))
    with pytest.raises(PluginError, match="module Dense"):
        encoder(checkpoint=sentence_folder(write_checkpoint, tmp_path / "c", "mean", "Dense"))


def test_robertas_positions_begin_behind_the_pad(tmp_path: Path) -> None:
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    config = RobertaConfig(
        vocab_size=90, intermediate_size=8, max_position_embeddings=66, pad_token_id=1, **shape
    )
    RobertaModel(config).save_pretrained(tmp_path)
    (tmp_path / "vocab.json").write_text("{}")
    assert read_checkpoint(GoTextOptions(checkpoint=str(tmp_path))).max_tokens == 64


def test_the_text_encoder_is_gone_after_binding_and_a_bundle_needs_none(checkpoint: Path) -> None:
    made = encoder(checkpoint=str(checkpoint), width=3)
    assert set(made.state_dict()) == {"vectors", "bound_hash", "project.weight", "project.bias"}
    portable = validate_options(go_text, made.portable_options)
    other = GoTextEncoder(portable).eval()
    other.bind(ontology())
    other.load_state_dict(made.state_dict())
    assert torch.equal(every(other), every(made))
    assert other.portable_options == made.portable_options
    assert str(checkpoint) not in json.dumps(made.portable_options)


def test_stored_vectors_need_no_transformers() -> None:
    code = (
        "import sys; sys.modules['transformers'] = None\n"
        "from multiprot.ontology import GeneOntology, Term\n"
        "from multiprot.errors import PluginError\n"
        "from multiprot_go_graph.plugin import go_text\n"
        "from multiprot_go_graph.options import GoTextOptions\n"
        "bound = GeneOntology.from_terms([Term(id='GO:0000001', name='a', namespace='P')])\n"
    ).replace("'P'", repr(Namespace.PROCESS.value))
    stored = code + "go_text.build(GoTextOptions(stored_width=4)).bind(bound)"
    assert subprocess.run([sys.executable, "-c", stored], check=False).returncode == 0
    read = code + "go_text.build(GoTextOptions(checkpoint='/tmp'))"
    done = subprocess.run([sys.executable, "-c", read], check=False, capture_output=True, text=True)
    assert "pip install 'multiprot-go-graph[text]'" in done.stderr


def broken(write_checkpoint: object, folder: Path, how: str) -> None:
    """Spoil a checkpoint."""
    write_checkpoint(folder)
    weights, settings = folder / "model.safetensors", folder / "config.json"
    if how == "weights missing":
        weights.unlink()
        torch.save({}, folder / "pytorch_model.bin")
    elif how == "weights cut":
        weights.write_bytes(weights.read_bytes()[:500])
    elif how == "tensor missing":
        tensors = load_file(weights)
        del tensors["encoder.layer.1.output.dense.weight"]
        save_file(tensors, weights, metadata={"format": "pt"})
    elif how == "not finite":
        tensors = load_file(weights)
        tensors["embeddings.word_embeddings.weight"][:] = float("nan")
        save_file(tensors, weights, metadata={"format": "pt"})
    elif how == "other shape":
        settings.write_text(
            settings.read_text().replace('"intermediate_size": 20', '"intermediate_size": 24')
        )
    elif how == "no settings":
        settings.unlink()
    elif how == "no JSON":
        settings.write_text("{")
    elif how == "a list":
        settings.write_text("[1]")
    elif how == "wrong type":
        settings.write_text(settings.read_text().replace(": 12,", ': "twelve",'))
    elif how == "no width":
        settings.write_text(settings.read_text().replace(": 12,", ": 0,"))
    elif how == "unknown model":
        settings.write_text(settings.read_text().replace('"bert"', '"bart-of-the-future"'))
    elif how == "weights of noise":
        weights.write_bytes(bytes(range(256)) * 40)
    elif how == "tokenizer of noise":
        (folder / "tokenizer.json").write_bytes(bytes(range(256)))
    elif how == "remote code":
        told = json.loads(settings.read_text())
        told |= {"model_type": "mine", "auto_map": {"AutoConfig": "code.C", "AutoModel": "code.M"}}
        settings.write_text(json.dumps(told))
        (folder / "code.py").write_text("raise SystemExit('code ran')")
    elif how == "no tokenizer":
        for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt"):
            (folder / name).unlink(missing_ok=True)
    elif how == "damaged tokenizer":
        (folder / "tokenizer.json").write_text("{}")
    elif how == "larger tokenizer":
        write_checkpoint(folder, vocab_size=30)
    elif how == "encoder and decoder":
        T5Config(d_model=8).save_pretrained(folder)
    elif how == "modules without transformer":
        (folder / "modules.json").write_text("[]")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("weights missing", "has no model.safetensors"),
        ("weights cut", "cannot be read"),
        ("tensor missing", r"lacks 1 tensors .* first encoder\.layer\.1\.output\.dense\.weight"),
        ("not finite", "not finite"),
        ("other shape", "tensors of other shapes"),
        ("no settings", r"config\.json is missing"),
        ("no JSON", "not readable as JSON"),
        ("a list", "not usable|not settings"),
        ("wrong type", "config.json is not usable"),
        ("no width", "go-text"),
        ("unknown model", "config.json is not usable"),
        ("weights of noise", "cannot be read"),
        ("tokenizer of noise", "tokenizer"),
        ("remote code", r"config\.json is not usable"),
        ("no tokenizer", r"has no tokenizer \(tokenizer\.json"),
        ("damaged tokenizer", "tokenizer"),
        ("larger tokenizer", r"for a model of 30 tokens"),
        ("encoder and decoder", "type 't5'"),
        ("modules without transformer", "names no Transformer"),
    ],
)
def test_a_broken_checkpoint_is_refused(
    write_checkpoint: object, tmp_path: Path, how: str, message: str
) -> None:
    broken(write_checkpoint, tmp_path, how)
    with pytest.raises(PluginError, match=message) as caught:
        encoder(checkpoint=str(tmp_path))
    assert str(tmp_path) in str(caught.value)


def test_a_model_of_another_language_is_refused(write_checkpoint: object, tmp_path: Path) -> None:
    """For example one of protein sequences: it knows no small letters."""
    write_checkpoint(tmp_path)
    greek = GeneOntology.from_terms(
        [Term(id="GO:0000001", name="λόγος ἔργον", namespace=Namespace.PROCESS)]
    )
    with pytest.raises(PluginError, match=r"unknown to .* English text"):
        encoder(greek, checkpoint=str(tmp_path))


def test_no_text_at_all_is_refused(checkpoint: Path) -> None:
    silent = GeneOntology.from_terms(
        [Term(id="GO:0000001", name="GO:0000001", namespace=Namespace.PROCESS)]
    )
    with pytest.raises(PluginError, match="none of the 1 terms"):
        encoder(silent, checkpoint=str(checkpoint))


@pytest.mark.parametrize("device", ["cuda:77", "abacus"])
def test_a_device_that_is_not_there_is_refused(checkpoint: Path, device: str) -> None:
    with pytest.raises(PluginError, match=f"device '{device}' cannot be used"):
        encoder(checkpoint=str(checkpoint), device=device)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="hf download"):
        encoder(checkpoint=str(tmp_path / "absent"))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "checkpoint is needed"),
        ({"checkpoint": "a", "stored_width": 3}, "set stored_width to null"),
        ({"checkpoint": "a", "pooling": "max"}, "pooling"),
        ({"checkpoint": "a", "max_tokens": 2}, "max_tokens"),
    ],
)
def test_a_bad_option_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        validate_options(go_text, options, "model.go.options")


def test_a_long_job_tells_its_time(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from multiprot_go_graph import text_model

    hours = iter(np.arange(0.0, 1e6, 3600.0))
    monkeypatch.setattr(text_model.time, "monotonic", lambda: float(next(hours)))
    with caplog.at_level(logging.WARNING, "multiprot_go_graph"):
        encoder(checkpoint=str(checkpoint), tokens_per_batch=1)
    assert caplog.text.count("minutes") == 1
    assert "5 texts on cpu" in caplog.text
