"""What is exported: a student, from its folder, its bundle or an installed distribution."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from multiprot.bundle import load_bundle
from multiprot.bundle.format import BUNDLE
from multiprot.config import load_config
from multiprot.encoders.plugin import Modality
from multiprot.encoders.reference.residue_transformer import ResidueTransformer
from multiprot.encoders.registry import ENCODER_GROUPS, Registry
from multiprot.errors import ExportError
from multiprot.student.checkpoint import SETTINGS, load_student
from multiprot.student.config import StudentConfig
from multiprot.student.encoder import StudentEncoder

_PREFIX = "student:"


@dataclass(frozen=True, slots=True, eq=False)
class ExportSource:
    """A student that is to be written for another tool.

    Attributes
    ----------
    name
        What the user called it.
    trunk
        The transformer in float32, on the CPU, in evaluation mode.
    config
        Its shape.
    content_hash
        SHA-256, in hex, of its shape and its tensors in float32.
    weights_license
        SPDX id, where a distribution or a card states one.
    teachers
        Whom it learnt from: how they were named to `multiprot embed --model`.
    """

    name: str
    trunk: ResidueTransformer
    config: StudentConfig
    content_hash: str
    weights_license: str | None = None
    teachers: tuple[str, ...] = ()


def open_source(model: Path | str) -> ExportSource:
    """The student that `model` names.

    Parameters
    ----------
    model
        Folder of a student, `student:FOLDER`; bundle of a distilled one; or the name of an
        installed sequence encoder that is a student and brings its weights, such as `mini`.

    Raises
    ------
    ExportError
        If it names no student.
    PluginError, BundleError
        If the folder is damaged.
    """
    name = str(model)
    registry = Registry.discover()
    if not Path(name).exists() and name in registry.names(ENCODER_GROUPS[Modality.SEQUENCE]):
        return _installed(registry, name)
    folder = Path(name.removeprefix(_PREFIX))
    if BUNDLE.is_in(folder):
        return _distilled(folder, name)
    if not (folder / SETTINGS).is_file():
        raise ExportError(
            f"{name}: holds no {SETTINGS}, so it is no student; give the folder of one, such as "
            "RUN/model of `multiprot pretrain` with a masked-sequence recipe, RUN/bundle of "
            "`multiprot distill`, or an installed one by name, such as mini"
        )
    student = load_student(folder)
    digest = content_hash(student.trunk, student.config)
    return ExportSource(name, student.trunk, student.config, digest)


def _distilled(folder: Path, name: str) -> ExportSource:
    bundle = load_bundle(folder)
    encoder = bundle.encoder_alone
    if not isinstance(encoder, StudentEncoder):
        raise ExportError(
            f"{name}: only a student can be exported: a model whose vectors are the mean of the "
            "tokens of a `student` encoder, as configs/distill/student.yaml makes it; distil one"
        )
    licence, taught_by = (bundle.provenance.get(key) for key in ("licence", "teachers"))
    found = _source(name, encoder, None if licence is None else str(licence))
    models = [each["model"]["source"] for each in (taught_by or {}).values()]
    return replace(found, teachers=tuple(dict.fromkeys(models)))


def _source(name: str, encoder: StudentEncoder, weights_license: str | None) -> ExportSource:
    config = StudentConfig.model_validate(encoder.portable_options["architecture"])
    trunk = encoder.trunk.eval()
    return ExportSource(name, trunk, config, content_hash(trunk, config), weights_license)


def _installed(registry: Registry, name: str) -> ExportSource:
    plugin = registry.encoder(Modality.SEQUENCE, name)
    section = load_config(plugin.config, None, []).value
    brings_weights = "checkpoint" not in plugin.config.model_fields
    encoder = plugin.build(section) if brings_weights else None
    if not isinstance(encoder, StudentEncoder):
        raise ExportError(
            f"{name}: this encoder is no student with weights of its own, and only students can be "
            f"exported; give student:FOLDER, or a student that a distribution brings, such as mini"
        )
    return _source(name, encoder, plugin.capabilities(section).weights_license)


def content_hash(trunk: ResidueTransformer, config: StudentConfig) -> str:
    """SHA-256, in hex, of a student's shape and its tensors."""
    told = json.dumps(config.model_dump(mode="json"), sort_keys=True)
    digest = hashlib.sha256(told.encode())
    for name, tensor in sorted(trunk.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
