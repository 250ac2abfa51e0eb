"""What must hold of any GO encoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from multiprot.encoders.contract import GoEncoder
from multiprot.encoders.plugin import Modality
from multiprot.errors import ObsoleteTermError, PluginError
from multiprot.ontology import GeneOntology
from multiprot.testing.belongings import carry_weights, left_behind
from multiprot.testing.demand import demand, demand_close, demand_same, refusal
from multiprot.testing.network import no_network
from multiprot.testing.ontology import DROPPED, REPLACED, SUCCESSOR, toy_ontology
from multiprot.testing.residue_trial import PRECISIONS, relative_change
from multiprot.testing.standard import EncoderTrial

_SET = "a term's vector depends on the term alone, not on which others are asked for"


class GoEncoderSuite(EncoderTrial):
    """Subclass it with `plugin`, and with `tiny_config` if need be; pytest does the rest."""

    @property
    def ontology(self) -> GeneOntology:
        """A toy ontology to bind, with obsolete terms."""
        return toy_ontology()

    def encoder(self, seed: int = 0, *, bound: bool = True) -> Any:
        """The tiny encoder in evaluation mode, its random weights drawn from `seed`."""
        torch.manual_seed(seed)
        encoder: Any = self.plugin.build(self.tiny_config()).eval()
        demand(
            isinstance(encoder, GoEncoder),
            f"build made a {type(encoder).__name__}",
            "derive it from multiprot.encoders.contract.GoEncoder",
        )
        if bound:
            encoder.bind(self.ontology)
        return encoder

    def vectors(self, encoder: Any, terms: Tensor) -> Tensor:
        """Vectors of `terms` without gradient."""
        with torch.no_grad():
            vectors: Tensor = encoder(terms)
        return vectors

    def every(self, encoder: Any) -> Tensor:
        """Vectors of all live terms."""
        return self.vectors(encoder, torch.arange(len(self.ontology)))

    def test_modality(self) -> None:
        """It is declared as what it is."""
        demand(
            self.plugin.modality is Modality.GO and not self.capabilities.requires,
            f"modality {self.plugin.modality}, requires {sorted(self.capabilities.requires)}",
            "declare Modality.GO with an empty requires: it looks at terms, not at records",
        )

    def test_every_live_term_has_its_own_vector(self) -> None:
        """One finite row per term, no two alike."""
        encoder = self.encoder()
        vectors = self.every(encoder)
        shape = (len(self.ontology), encoder.term_dim)
        demand(
            vectors.shape == shape,
            f"{shape[0]} terms have vectors {list(vectors.shape)}, term_dim is {encoder.term_dim}",
            "return [term, term_dim], one row per requested term, in their order",
        )
        demand(
            torch.isfinite(vectors).all(),
            "a live term's vector is NaN or infinite",
            "look at roots (no parents), leaves (no children) and terms unseen in training",
        )
        demand(
            len(torch.unique(vectors, dim=0)) == len(vectors),
            "two terms have the same vector",
            "terms that nothing tells apart cannot be retrieved: add what is their own",
        )

    def test_other_terms_do_not_matter(self) -> None:
        """A term has the same vector alone, repeated, and in any order."""
        encoder, terms = self.encoder(), torch.arange(len(self.ontology))
        together = self.every(encoder)
        order = torch.randperm(len(terms), generator=torch.Generator().manual_seed(3))
        for rows in (order, torch.tensor([4, 2, 4]), terms[5:6]):
            found, problem = self.vectors(encoder, rows), "a term's vector changes with the others"
            demand_close(found, together[rows], self.tolerance, problem, _SET)

    def test_no_terms(self) -> None:
        """No terms give no vectors."""
        encoder = self.encoder()
        none = self.vectors(encoder, torch.zeros(0, dtype=torch.int64))
        wanted = (0, encoder.term_dim)
        demand(none.shape == wanted, f"no terms gave {list(none.shape)}", f"return {wanted}")

    def test_unbound_is_refused(self) -> None:
        """Without an ontology there are no vectors."""
        encoder = self.encoder(bound=False)
        mend = "raise PluginError in forward until bind was called"
        refusal(PluginError, lambda: encoder(torch.tensor([0])), "an unbound encoder", mend)

    def test_binds_once(self) -> None:
        """The same ontology may be bound again and changes nothing; another is refused."""
        encoder = self.encoder()
        before = self.every(encoder)
        encoder.bind(self.ontology)
        again = "binding the same ontology again changed the vectors"
        demand_same(self.every(encoder), before, again, "return at once if it is the same")
        other, mend = toy_ontology(7, release="toy/2"), "see refuse_rebinding in the contract"
        problem = "another release"
        message = refusal(PluginError, lambda: encoder.bind(other), problem, mend)
        demand(
            "toy/1" in message and "toy/2" in message, f"{problem} is not named: {message}", mend
        )

    def test_obsolete_id_is_refused(self) -> None:
        """An obsolete id raises and names its replacement; a live one gives the term's vector."""
        encoder = self.encoder()
        mend = "let bind set `self.ontology`, and do not override of_ids"
        with torch.no_grad():
            found = encoder.of_ids([SUCCESSOR])
        row = torch.tensor([self.ontology.row(SUCCESSOR)])
        problem = f"the vector of {SUCCESSOR} by its id"
        demand_close(found, self.vectors(encoder, row), self.tolerance, problem, mend)
        problem = f"the obsolete id {REPLACED}"
        message = refusal(ObsoleteTermError, lambda: encoder.of_ids([REPLACED]), problem, mend)
        demand(SUCCESSOR in message, f"{problem}: {message}", mend)
        problem = f"the obsolete id {DROPPED}"
        refusal(ObsoleteTermError, lambda: encoder.of_ids([DROPPED]), problem, mend)

    def test_twice_is_the_same(self) -> None:
        """In evaluation mode nothing is random, and training mode leaves no trace."""
        encoder = self.encoder()
        first = self.every(encoder)
        self.every(encoder.train())
        mend = "dropout through nn.Dropout, no running statistics of batches"
        demand_same(self.every(encoder.eval()), first, "vectors change from call to call", mend)

    def test_gradients_reach_every_parameter(self) -> None:
        """A trainable encoder learns with all it has; a frozen one asks for no gradient."""
        encoder, trainable = self.encoder(), self.capabilities.trainable
        learning = {n: p for n, p in encoder.named_parameters() if p.requires_grad}
        demand(
            bool(learning) == trainable,
            f"trainable={trainable}, but {len(learning)} parameters require a gradient",
            "freeze with requires_grad_(False), or correct the capability",
        )
        if not trainable:
            return
        with torch.no_grad():
            for parameter in learning.values():
                parameter.add_(0.05 * torch.randn_like(parameter))
        vectors = encoder.train()(torch.arange(len(self.ontology)))
        (vectors * torch.randn_like(vectors)).sum().backward()
        idle = [n for n, p in learning.items() if p.grad is None or not p.grad.any()]
        mend = "make parameters in bind, and remove or freeze what is never used"
        demand(not idle, f"no gradient reaches {', '.join(idle)}", mend)

    def test_weights_travel_in_safetensors(self) -> None:
        """Saved, and loaded into another bound encoder, the weights give the same vectors."""
        encoder, other = self.encoder(0), self.encoder(1)
        mend = "keep what is drawn or learned in parameters or persistent buffers"
        carry_weights(encoder, other, mend)
        demand_same(self.every(encoder), self.every(other), "loaded weights differ", mend)

    def test_claimed_precisions(self) -> None:
        """In every precision it claims, vectors are finite, of that type and nearly the same."""
        exact = self.every(self.encoder())
        for precision in sorted(self.capabilities.precisions & set(PRECISIONS)):
            vectors = self.every(self.encoder().to(PRECISIONS[precision]))
            apart = relative_change(vectors, exact)
            demand(
                vectors.dtype == PRECISIONS[precision] and apart < 0.1,
                f"{precision} vectors are {vectors.dtype} and {apart:.1e} off",
                f"keep sensitive parts in float32, or do not claim {precision}",
            )

    def test_moves(self) -> None:
        """Moved to another device, no tensor stays behind."""
        stayed = left_behind(self.encoder().to(torch.device("meta")))
        mend = "register tensors with register_buffer; make those of a request on its device"
        demand(not stayed, f"encoder.to(device) leaves behind: {', '.join(stayed)}", mend)

    def test_network(self) -> None:
        """It is built and bound without the network unless it says `downloads_weights`."""
        claimed, mend = self.capabilities.downloads_weights, "read local files only, or claim it"
        with no_network() as tried:
            try:
                self.encoder()
            except Exception as error:
                demand(tried and claimed, f"it cannot be built without network: {error}", mend)
        demand(bool(tried) == claimed, f"downloads_weights={claimed}, tried {tried}", mend)
