"""What must hold of any GO encoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from safetensors.torch import load, save
from torch import Tensor

from multiprot.config import Section
from multiprot.data.synthetic_ontology import mini_ontology
from multiprot.encoders.contract import GoEncoder
from multiprot.encoders.plugin import EncoderPlugin, Modality
from multiprot.errors import PluginError
from multiprot.ontology import GeneOntology
from multiprot.testing.declaration import check_declaration, check_module_is_light, refusal


class GoEncoderSuite(ABC):
    """Subclass it with `plugin` and `tiny_config`; pytest does the rest."""

    plugin: ClassVar[EncoderPlugin[Any]]
    tolerance: ClassVar[float] = 1e-4
    """Largest difference that other terms beside a term may make."""

    @abstractmethod
    def tiny_config(self) -> Section:
        """Options of an encoder that is built and run in a blink."""

    @property
    def ontology(self) -> GeneOntology:
        """A miniature ontology to bind."""
        return mini_ontology(6)

    def encoder(self, seed: int = 0, *, bound: bool = True) -> Any:
        """The tiny encoder in evaluation mode, its random weights drawn from `seed`."""
        torch.manual_seed(seed)
        encoder = self.plugin.build(self.tiny_config()).eval()
        assert isinstance(encoder, GoEncoder)
        if bound:
            encoder.bind(self.ontology)
        return encoder

    def vectors(self, encoder: Any, terms: Tensor) -> Tensor:
        """Vectors of `terms` without gradient."""
        with torch.no_grad():
            vectors: Tensor = encoder(terms)
        return vectors

    def close(self, left: Tensor, right: Tensor) -> None:
        """Demand equality to `tolerance`."""
        torch.testing.assert_close(left, right, atol=self.tolerance, rtol=self.tolerance)

    def test_declaration(self) -> None:
        """Name, summary, version and config are in order."""
        check_declaration(self.plugin)
        assert self.plugin.modality is Modality.GO

    def test_declaring_module_imports_no_torch(self) -> None:
        """Listing plugins costs milliseconds."""
        check_module_is_light(self.plugin)

    def test_every_term_has_its_own_vector(self) -> None:
        """One finite row per term, no two alike."""
        encoder = self.encoder()
        vectors = self.vectors(encoder, torch.arange(len(self.ontology)))
        assert vectors.shape == (len(self.ontology), encoder.term_dim)
        assert torch.isfinite(vectors).all()
        assert len(torch.unique(vectors, dim=0)) == len(vectors)

    def test_other_terms_do_not_matter(self) -> None:
        """A term has the same vector alone, repeated, and in any order."""
        encoder, terms = self.encoder(), torch.arange(len(self.ontology))
        together = self.vectors(encoder, terms)
        order = torch.randperm(len(terms), generator=torch.Generator().manual_seed(3))
        self.close(self.vectors(encoder, terms[order]), together[order])
        self.close(self.vectors(encoder, torch.tensor([4, 2, 4])), together[[4, 2, 4]])
        self.close(self.vectors(encoder, terms[5:6]), together[5:6])

    def test_no_terms(self) -> None:
        """No terms give no vectors."""
        encoder = self.encoder()
        none = self.vectors(encoder, torch.zeros(0, dtype=torch.int64))
        assert none.shape == (0, encoder.term_dim)

    def test_unbound_is_refused(self) -> None:
        """Without an ontology there are no vectors."""
        encoder = self.encoder(bound=False)
        refusal(PluginError, lambda: encoder(torch.tensor([0])))

    def test_binds_once(self) -> None:
        """The same ontology may be bound again and changes nothing; another is refused."""
        encoder, terms = self.encoder(), torch.arange(len(self.ontology))
        before = self.vectors(encoder, terms)
        encoder.bind(self.ontology)
        assert torch.equal(self.vectors(encoder, terms), before)
        other = mini_ontology(7)
        message = refusal(PluginError, lambda: encoder.bind(other))
        assert message, "the refusal says nothing"

    def test_gradients_reach_every_parameter(self) -> None:
        """A trainable encoder learns with all it has; a frozen one asks for no gradient."""
        encoder = self.encoder()
        if not self.plugin.capabilities(self.tiny_config()).trainable:
            assert not any(p.requires_grad for p in encoder.parameters())
            return
        vectors = encoder.train()(torch.arange(len(self.ontology)))
        (vectors * torch.randn_like(vectors)).sum().backward()
        idle = [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.any()]
        assert not idle, f"no gradient reaches {', '.join(idle)}"

    def test_weights_travel_in_safetensors(self) -> None:
        """Saved, and loaded into another bound encoder, the weights give the same vectors."""
        encoder, other = self.encoder(0), self.encoder(1)
        state = {name: part.contiguous() for name, part in encoder.state_dict().items()}
        other.load_state_dict(load(save(state)))
        terms = torch.arange(len(self.ontology))
        assert torch.equal(self.vectors(encoder, terms), self.vectors(other, terms))

    def test_claimed_precisions(self) -> None:
        """In every precision it claims, vectors are finite, of that type and nearly the same."""
        terms = torch.arange(len(self.ontology))
        exact = self.vectors(self.encoder(), terms)
        names = {"bf16": torch.bfloat16, "fp16": torch.float16}
        for precision in self.plugin.capabilities(self.tiny_config()).precisions & set(names):
            vectors = self.vectors(self.encoder().to(names[precision]), terms)
            assert vectors.dtype == names[precision]
            assert (vectors.float() - exact).norm() < 0.1 * exact.norm()
