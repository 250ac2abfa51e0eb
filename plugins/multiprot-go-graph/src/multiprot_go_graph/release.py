"""What all encoders of this package share: they belong to one release of GO."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from multiprot.encoders.contract import GoEncoder, refuse_rebinding
from multiprot.errors import PluginError

if TYPE_CHECKING:
    from multiprot.ontology import GeneOntology


class ReleaseEncoder(GoEncoder):
    """A GO encoder that is bound once; its weights carry the content hash of their release.

    Attributes
    ----------
    plugin_name
        Its entry point, for errors.
    bound_hash
        uint8 [32]: SHA-256 of the ontology's content; saved with the weights.
    """

    plugin_name: ClassVar[str]
    bound_hash: Tensor

    def bind(self, ontology: GeneOntology) -> None:
        """Fix the ontology and make what belongs to its terms.

        Binding the same content again changes nothing.

        Raises
        ------
        PluginError
            If the encoder is already bound to another release; names both.
        """
        if self.ontology is not None:
            refuse_rebinding(self.ontology, ontology, self.plugin_name)
            return
        self._make(ontology)
        digest = torch.tensor(list(bytes.fromhex(ontology.content_hash)), dtype=torch.uint8)
        self.register_buffer("bound_hash", digest)
        self.ontology = ontology

    @abstractmethod
    def _make(self, ontology: GeneOntology) -> None:
        """Make the parameters and buffers that belong to the terms; called once."""

    def _bound(self) -> GeneOntology:
        """The release; `PluginError` if there is none yet."""
        if self.ontology is None:
            raise PluginError(f"{self.plugin_name} has no ontology yet; call bind(ontology) first")
        return self.ontology

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Refuse weights of another release: their rows mean other terms."""
        saved = state_dict.get(f"{prefix}bound_hash")
        if saved is not None and self.ontology is None:
            raise PluginError(
                f"{self.plugin_name}: weights for the GO content {_hex(saved)}, but no ontology is "
                "bound; call bind(ontology) before loading"
            )
        if saved is not None and _hex(saved) != _hex(self.bound_hash):
            raise PluginError(
                f"{self.plugin_name}: weights for the GO content {_hex(saved)}, but it is bound to "
                f"{_hex(self.bound_hash)} (release {self._bound().release}); bind the release that "
                "the weights were trained on"
            )
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def refuse_foreign_rows(name: str, lowest: int, highest: int, known: int) -> None:
    """Raise `PluginError` unless the rows from `lowest` to `highest` are rows of `known` terms."""
    if lowest < 0 or highest >= known:
        wrong = lowest if lowest < 0 else highest
        raise PluginError(
            f"{name}: row {wrong} is not one of the {known} terms it is bound to; rows are "
            "positions in GeneOntology.term_ids"
        )


def _hex(digest: Tensor) -> str:
    return bytes(digest.tolist()).hex()
