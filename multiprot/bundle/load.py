"""Reading a bundle; every file is compared with its hash before it is opened."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from multiprot.bundle import format as layout
from multiprot.bundle.heads import head_tensors, load_objectives, load_readout
from multiprot.bundle.lock_file import BundleLock, LockCheck
from multiprot.bundle.manifest import FolderManifest, read_manifest
from multiprot.bundle.parts import BundleConfig, TermReadout
from multiprot.bundle.prediction import PredictionHead, load_head
from multiprot.bundle.trained_on import TrainingSequences
from multiprot.bundle.weights import load_model
from multiprot.config import load_config
from multiprot.encoders.contract import ResidueEncoder
from multiprot.encoders.options import validate_options
from multiprot.encoders.plugin import Capabilities, Modality
from multiprot.encoders.registry import Registry
from multiprot.errors import BundleError
from multiprot.files import read_lines
from multiprot.fusion import FusionModel, ModelConfig, build_model
from multiprot.fusion.mapped_encoder import MappedEncoder
from multiprot.ontology import GeneOntology

if TYPE_CHECKING:
    from torch import Tensor

    from multiprot.objectives import TotalObjective


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bundle:
    """A saved model, loaded.

    Attributes
    ----------
    path
        Where it lies.
    model
        On the CPU, in evaluation mode.
    settings
        The whole of config.yaml.
    ontology
        What the GO encoder is bound to, or None.
    provenance
        What it was trained on and how.
    card
        The model card, Markdown.
    lock
        Plugins it was made with.
    content_hash
        SHA-256, in hex, of what decides the vectors.
    warnings
        Differences to the installed plugins that the caller allowed.
    """

    path: Path
    model: FusionModel
    settings: BundleConfig
    ontology: GeneOntology | None
    provenance: dict[str, Any]
    card: str
    lock: BundleLock
    content_hash: str
    warnings: tuple[str, ...]
    manifest: FolderManifest
    _check: LockCheck

    @property
    def config(self) -> ModelConfig:
        """What the model was built from."""
        return self.settings.model

    @property
    def name(self) -> str:
        """Name in the provenance, or else that of the folder."""
        return str(self.provenance.get("name") or self.path.resolve().name)

    @property
    def encoder_alone(self) -> ResidueEncoder[Any] | None:
        """The sequence encoder, where the mean of its tokens is the protein's vector; else None.

        So it is with a distilled student: whoever has the encoder has the model. Where one linear
        map stands between tokens and vector, as in MTDP's student, it is an encoder with this map.
        """
        fusion, sequence = self.config.fusion, self.model.sequence
        alone = (
            sequence is not None
            and fusion.residues == "alone"
            and fusion.pooling == "mean"
            and fusion.sequence_stack is None
            and fusion.go_exchange is None
        )
        if sequence is None or not alone:
            return None
        linear = self.model.streams["sequence"].linear
        return MappedEncoder(sequence, linear) if isinstance(linear, nn.Linear) else sequence

    def capabilities(self) -> dict[Modality, Capabilities]:
        """What the model's encoders can do, with the options they have here."""
        found = {}
        for modality, section in self.settings.encoders().items():
            plugin = self._check.registry.encoder(modality, section.name)
            options = validate_options(plugin, section.options, f"{modality.value}.options")
            found[modality] = plugin.capabilities(options)
        stack = self.config.fusion.sequence_stack
        if stack is not None:
            own = found[Modality.SEQUENCE]
            limits = (own.max_residues or stack.positions, stack.positions)
            found[Modality.SEQUENCE] = replace(own, max_residues=min(limits))
        return found

    def load_objectives(self) -> TotalObjective:
        """The objectives it was trained with, with their state, in evaluation mode.

        Raises
        ------
        BundleError
            If the bundle has none, or an objective's plugin is missing or another.
        """
        self._check.objectives(self.lock)
        return load_objectives(
            self._optional(layout.HEADS, "objectives"),
            self.settings,
            self._check.registry,
            self.ontology,
        )

    def head_tensors(self) -> dict[str, Tensor]:
        """State of the objectives by objective and name in it; empty if it was saved without."""
        if layout.HEADS not in self.manifest.files:
            return {}
        return head_tensors(self.manifest.verified(layout.HEADS))

    def load_readout(self) -> TermReadout:
        """The calibrated GO readout; `BundleError` if the bundle has none."""
        return load_readout(self._optional(layout.TERMS, "GO readout"))

    def has_readout(self) -> bool:
        """Whether there is a calibrated GO readout."""
        return layout.TERMS in self.manifest.files

    def has_prediction(self) -> bool:
        """Whether it predicts what a task asks for (`multiprot predict`)."""
        return layout.PREDICTION in self.manifest.files

    def load_prediction(self) -> PredictionHead:
        """The head that predicts, in evaluation mode; `BundleError` if the bundle has none."""
        return load_head(self._optional(layout.PREDICTION, "prediction head"))

    def trained_on(self) -> TrainingSequences | None:
        """Hashes of the sequences that it learnt from; None if it was saved without."""
        if layout.TRAINED_ON not in self.manifest.files:
            return None
        return TrainingSequences.load(self.manifest.verified(layout.TRAINED_ON))

    def _optional(self, name: str, what: str) -> Path:
        if name not in self.manifest.files:
            raise BundleError(f"{self.path}: holds no {what} ({name}); it was saved without")
        return self.manifest.verified(name)


def load_bundle(
    path: Path | str, *, registry: Registry | None = None, allow_other_versions: bool = False
) -> Bundle:
    """Load a model. No code from the bundle runs: encoders come from installed plugins only.

    Parameters
    ----------
    path
        A folder that `save_bundle` or `multiprot pretrain` wrote.
    registry
        Where plugins are looked up; None: those that are installed.
    allow_other_versions
        Accept plugins of another version than the bundle was made with; they are named in
        `Bundle.warnings`. Vectors may then differ.

    Raises
    ------
    BundleError
        If the folder is not a whole, unaltered bundle of a known format, a plugin is missing or
        another, or a tensor does not fit; the message names the file and the value.
    """
    manifest = read_manifest(Path(path), layout.BUNDLE)
    _refuse_other_files(manifest)
    files = {name: manifest.verified(name) for name in manifest.files}
    lock = BundleLock.read(files[layout.LOCK])
    check = LockCheck(registry or Registry.discover(), manifest.folder, allow_other_versions)
    check.encoders(lock)
    settings = load_config(BundleConfig, files[layout.CONFIG]).value
    lock.must_cover(settings, files[layout.LOCK])
    lock.must_match(manifest)
    ontology = _ontology(files.get(layout.ONTOLOGY), lock)
    model = build_model(settings.model, check.registry, ontology)
    load_model(model, files[layout.MODEL], files.get(layout.ADAPTERS))
    return Bundle(
        path=manifest.folder,
        model=model.eval(),
        settings=settings,
        ontology=ontology,
        provenance=_provenance(files[layout.PROVENANCE]),
        card="\n".join(read_lines(files[layout.CARD])) + "\n",
        lock=lock,
        content_hash=str(manifest.header.get("content_hash")),
        warnings=tuple(check.warnings),
        manifest=manifest,
        _check=check,
    )


def _refuse_other_files(manifest: FolderManifest) -> None:
    listed = set(manifest.files)
    missing = [name for name in layout.REQUIRED if name not in listed]
    if missing:
        raise BundleError(
            f"{manifest.folder / layout.BUNDLE.file_name}: lists no {missing[0]}, which every "
            "model bundle has"
        )
    unknown = sorted(listed - {*layout.REQUIRED, *layout.OPTIONAL})
    if unknown:
        raise BundleError(
            f"{manifest.folder / layout.BUNDLE.file_name}: lists {unknown[0]}, which is no part "
            "of a model bundle; upgrade multiprot, or do not use this bundle"
        )


def _ontology(path: Path | None, lock: BundleLock) -> GeneOntology | None:
    if path is None:
        return None
    ontology = GeneOntology.load(path)
    if ontology.content_hash != lock.go_hash:
        raise BundleError(
            f"{path}: content hash {ontology.content_hash[:12]}…, but the model is locked to GO "
            f"release {lock.go_release} with {str(lock.go_hash)[:12]}…"
        )
    return ontology


def _provenance(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise BundleError(f"{path}: is not JSON ({error})") from None
    if not isinstance(content, dict):
        raise BundleError(f"{path}: a JSON object is needed")
    return content
