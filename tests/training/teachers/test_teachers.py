"""Teachers answer by sequence, whatever the order and the ids, from a store or by themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from multiprot.bundle import load_bundle, save_bundle
from multiprot.data import Corpus
from multiprot.embedding import Embedder, EmbedOptions
from multiprot.embedding.write import embed_to_store
from multiprot.errors import DataError, EmbeddingError, TrainingError
from multiprot.fusion import ModelConfig
from multiprot.proteins import ProteinRecord, write_fasta
from multiprot.training.config import PretrainConfig
from multiprot.training.teachers.config import TeacherConfig
from multiprot.training.teachers.live import LiveTeacher
from multiprot.training.teachers.opening import (
    AnyTeacher,
    OpenTeacher,
    coverage,
    facts_of,
    known_proteins,
    open_teachers,
)
from multiprot.training.teachers.store import StoreTeacher
from multiprot.training.teachers.terms import term_vectors
from tests.tiny_model import CONFIG, PROVENANCE, tiny_model, tiny_ontology


def recipe(corpus: Corpus, **teachers: dict[str, object]) -> PretrainConfig:
    return PretrainConfig.model_validate(
        {
            "corpus": {"path": str(corpus.path)},
            "model": {"sequence": {"name": "residue-transformer"}},
            "teachers": teachers,
            "objectives": [{"name": "masked-residue"}],
        }
    )


def stored(store: Path, **options: object) -> StoreTeacher:
    return StoreTeacher("tiny", store, TeacherConfig.model_validate({"store": store} | options))


def opened(teacher: AnyTeacher, corpus: Corpus) -> OpenTeacher:
    return OpenTeacher(teacher, known_proteins(teacher, corpus))


@pytest.mark.parametrize("residues", [False, True])
def test_store_and_model_give_the_same_answers(
    corpus: Corpus, store: Path, bundle: Path, residues: bool
) -> None:
    """In another order, and under other ids, than when the store was written."""
    records = [replace(each, id=f"other-{each.id}") for each in corpus.read([7, 2, 11, 0])]
    from_store = stored(store, residues=residues).answers(records)
    config = TeacherConfig(model=str(bundle), residues=residues)
    asked = LiveTeacher(str(bundle), config).answers(records)
    for record, mine, theirs in zip(records, from_store, asked, strict=True):
        assert mine is not None
        assert theirs is not None
        np.testing.assert_allclose(mine.vector, theirs.vector, atol=1e-5)
        assert (mine.tokens is None) == (not residues)
        if mine.tokens is not None:
            assert theirs.tokens is not None
            assert len(mine.tokens) == len(record)
            np.testing.assert_allclose(mine.tokens, theirs.tokens, atol=1e-4)


def test_a_protein_that_the_store_lacks_has_no_answer(store: Path, corpus: Corpus) -> None:
    known = corpus.read([0])[0]
    answers = stored(store).answers([ProteinRecord(id=known.id, sequence="WWWWWW"), known])
    assert answers[0] is None
    assert answers[1] is not None


def test_what_a_model_refuses_it_does_not_know(bundle: Path, tmp_path: Path) -> None:
    config = TeacherConfig(model=str(bundle), modalities="structure")
    answers = LiveTeacher(str(bundle), config).answers([ProteinRecord(id="a", sequence="ACD")])
    assert answers == [None]


def test_a_teacher_of_some_proteins_only_covers_a_share(
    corpus: Corpus, bundle: Path, tmp_path: Path
) -> None:
    train = corpus.rows("train")
    write_fasta(corpus.read([*train[::2], *corpus.rows("valid")]), tmp_path / "some.fasta")
    embed_to_store([str(tmp_path / "some.fasta")], Embedder.open(bundle), tmp_path / "some")
    found = coverage(known_proteins(stored(tmp_path / "some"), corpus), corpus)
    assert found == {"train": len(train[::2]) / len(train), "valid": 1.0}


def test_means_and_deviations_are_those_of_the_train_proteins(corpus: Corpus, store: Path) -> None:
    teacher = stored(store, residues=True)
    facts = facts_of(opened(teacher, corpus), TeacherConfig(store=store, residues=True), corpus)
    answers = teacher.answers(corpus.read(corpus.rows("train")))
    vectors = np.stack([each.vector for each in answers if each is not None])
    np.testing.assert_allclose(facts.mean.numpy(), vectors.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(facts.deviation.numpy(), vectors.std(axis=0), atol=1e-5)
    tokens = [each.tokens for each in answers if each is not None and each.tokens is not None]
    joined = np.concatenate(tokens)
    np.testing.assert_allclose(facts.token_mean.numpy(), joined.mean(axis=0), atol=1e-4)
    assert facts.term_vectors is None


def test_in_the_space_shared_with_terms_the_learnt_ones_are_known(
    corpus: Corpus, bundle: Path
) -> None:
    config = TeacherConfig(model=str(bundle), space="shared")
    facts = facts_of(opened(LiveTeacher(str(bundle), config), corpus), config, corpus)
    loaded = load_bundle(bundle)
    assert loaded.ontology is not None
    rows = [loaded.ontology.row(term) for term in loaded.load_readout().term_ids]
    expected = loaded.model.project_terms(torch.tensor(rows))
    assert facts.term_vectors is not None
    torch.testing.assert_close(facts.term_vectors, expected)


def test_of_a_model_without_readout_the_terms_of_the_corpus_count(
    corpus: Corpus, tmp_path: Path
) -> None:
    model = ModelConfig.model_validate(CONFIG)
    ontology = tiny_ontology()
    save_bundle(
        tmp_path / "bundle",
        model=tiny_model(),
        model_config=model,
        ontology=ontology,
        provenance=PROVENANCE,
    )
    config = TeacherConfig(model=str(tmp_path / "bundle"), space="shared")
    few, many = (term_vectors(config, corpus, least) for least in (4, 2))
    assert few is not None
    assert many is not None
    assert 0 < len(few) < len(many) <= len(ontology)
    with pytest.raises(DataError):
        term_vectors(config, corpus, 1000)


def test_a_store_without_residues_cannot_teach_them(
    corpus: Corpus, bundle: Path, tmp_path: Path
) -> None:
    embed_to_store([str(corpus.path)], Embedder.open(bundle), tmp_path / "plain")
    with pytest.raises(TrainingError, match="has none; make it again"):
        stored(tmp_path / "plain", residues=True)


def test_vectors_of_another_space_are_refused(store: Path) -> None:
    with pytest.raises(TrainingError, match=r"set teachers\.tiny\.space=protein"):
        stored(store, space="shared")


def test_vectors_of_other_modalities_are_refused(store: Path) -> None:
    with pytest.raises(TrainingError, match=r"set teachers\.tiny\.modalities=all"):
        stored(store, modalities="structure")


def test_a_store_alone_teaches_what_lies_in_it(
    corpus: Corpus, bundle: Path, tmp_path: Path
) -> None:
    options = EmbedOptions(space="shared", modalities="sequence")
    embedder = Embedder.open(bundle, options=options)
    embed_to_store([str(corpus.path)], embedder, tmp_path / "shared")
    assert stored(tmp_path / "shared").source["space"] == "shared"
    with pytest.raises(
        TrainingError, match=r"space protein, but .* set teachers\.tiny\.space=shared"
    ):
        stored(tmp_path / "shared", model=str(bundle))


def test_a_missing_store_is_told_how_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="multiprot teach RECIPE"):
        stored(tmp_path / "nowhere")


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingError):
        stored(tmp_path)


def test_a_teacher_of_other_proteins_is_refused(
    corpus: Corpus, bundle: Path, tmp_path: Path
) -> None:
    write_fasta([ProteinRecord(id="a", sequence="WWWWWW")], tmp_path / "other.fasta")
    embed_to_store([str(tmp_path / "other.fasta")], Embedder.open(bundle), tmp_path / "other")
    config = recipe(corpus, other={"store": str(tmp_path / "other")})
    with pytest.raises(TrainingError, match="knows no train protein of"):
        open_teachers(config, corpus)


def test_workers_are_not_to_ask_a_model(corpus: Corpus, bundle: Path) -> None:
    config = recipe(corpus, live={"model": str(bundle)})
    config = config.model_copy(update={"batch": config.batch.model_copy(update={"workers": 2})})
    with pytest.raises(TrainingError, match=r"set batch\.workers to 0"):
        open_teachers(config, corpus)


def test_a_list_of_stores_is_named_by_their_folders(corpus: Corpus) -> None:
    config = PretrainConfig.model_validate(
        recipe(corpus).model_dump() | {"teachers": ["runs/a/esm", "runs/b/t5"]}
    )
    assert {name: str(t.store) for name, t in config.teachers.items()} == {
        "esm": "runs/a/esm",
        "t5": "runs/b/t5",
    }
    with pytest.raises(ValueError, match="two folders of the same name"):
        PretrainConfig.model_validate(
            recipe(corpus).model_dump() | {"teachers": ["a/esm", "b/esm"]}
        )
    with pytest.raises(ValueError, match="neither store nor model"):
        recipe(corpus, nobody={})
