"""A student as a sequence encoder."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self

import torch

from multiprot.encoders.contract import PackedTokens, ResidueEncoder, ResidueTokens
from multiprot.encoders.learning import LearningOptions, LearningParts, arrange_learning
from multiprot.encoders.reference.letters import LetterFeatures, LetterFeaturizer
from multiprot.encoders.reference.residue_transformer import ResidueTransformer
from multiprot.errors import PluginError
from multiprot.student.checkpoint import load_student, trained_on
from multiprot.student.config import StudentConfig
from multiprot.student.frozen_layers import FrozenLayers, last_layers
from multiprot.student.model import build_trunk
from multiprot.student.options import StudentOptions


class StudentEncoder(ResidueEncoder[LetterFeatures]):
    """A transformer over letters: no special tokens, packed or padded, for proteins of any length.

    Shape law: [protein, longest protein, `token_dim`], packed [residue, `token_dim`].

    Parameters
    ----------
    trunk
        The transformer, its weights loaded.
    config
        Its shape.
    learning
        What of it learns.
    name
        The plugin's, for messages.
    max_residues
        Longest protein it takes; None: no limit.
    """

    def __init__(
        self,
        trunk: ResidueTransformer,
        config: StudentConfig,
        learning: LearningOptions,
        *,
        name: str = "student",
        max_residues: int | None = None,
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.token_dim = config.width
        self.name = name
        self.featurizer = LetterFeaturizer(name, max_residues)
        parts = LearningParts(
            trunk=trunk,
            before=[trunk.embedding],
            layers=list(trunk.blocks),
            lora_targets=("query_key_value", "attended"),
        )
        self._learning = arrange_learning(learning, parts, name)
        self._learns = learning.freeze != "all"
        last = learning.freeze if isinstance(learning.freeze, int) else 0
        self._frozen_layers = len(trunk.blocks) - last if last else None
        self.adapter_names = frozenset(f"trunk.{each}" for each in self._learning.adapters)
        self.portable_options: dict[str, Any] = {
            "architecture": config.model_dump(mode="json"),
            "max_residues": max_residues,
            "freeze": learning.freeze,
            "lora": None if learning.lora is None else learning.lora.model_dump(mode="json"),
        }
        self.train(self.training)

    def forward(self, features: LetterFeatures) -> ResidueTokens | PackedTokens:
        """Tokens in the layout of `features`."""
        with nullcontext() if self._learns else torch.no_grad():
            tokens: ResidueTokens | PackedTokens = self.trunk(features)
            return tokens

    def frozen_part(self) -> FrozenLayers | None:
        """As `PartlyFrozen.frozen_part`."""
        if self._frozen_layers is None:
            return None
        return FrozenLayers(self.trunk, self._frozen_layers, self.featurizer, self.portable_options)

    def learning_part(self, tokens: ResidueTokens) -> ResidueTokens:
        """As `PartlyFrozen.learning_part`.

        Raises
        ------
        PluginError
            If it has no frozen part.
        """
        if self._frozen_layers is None:
            raise PluginError(
                f"{self.name}: freeze {self.portable_options['freeze']} leaves no "
                "frozen part to go on from; give the number of last layers that learn"
            )
        return last_layers(self.trunk, self._frozen_layers, tokens)

    def compile(self, **options: Any) -> None:
        """As `ResidueTransformer.compile`."""
        self.trunk.compile(**options)

    def train(self, mode: bool = True) -> Self:
        """As in torch, but frozen parts stay as in use."""
        super().train(mode)
        self._learning.train(mode)
        return self


def build_encoder(options: StudentOptions, *, name: str = "student") -> StudentEncoder:
    """The encoder that `options` describe.

    Raises
    ------
    PluginError
        If the checkpoint cannot be read.
    """
    if options.checkpoint is not None:
        student = load_student(Path(options.checkpoint))
        trunk, config = student.trunk, student.config
    else:
        config = config_of(options)
        trunk = build_trunk(config)
    made = StudentEncoder(trunk, config, options, name=name, max_residues=options.max_residues)
    if options.checkpoint is not None:
        made.trained_on = trained_on(Path(options.checkpoint))
    return made


def config_of(options: StudentOptions) -> StudentConfig:
    """The shape of a student that has no checkpoint."""
    if options.architecture is not None:
        return StudentConfig.model_validate(options.architecture)
    given = {"preset": options.preset, "width": options.width, "layers": options.layers}
    return StudentConfig(**{key: value for key, value in given.items() if value is not None})
