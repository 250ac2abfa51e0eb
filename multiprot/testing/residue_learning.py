"""What learns, learns; what is frozen stays; and the weights travel."""

from __future__ import annotations

import torch

from multiprot.encoders.contract import Layout
from multiprot.testing.belongings import carry_weights
from multiprot.testing.demand import demand, demand_same
from multiprot.testing.residue_trial import ResidueTrial


class LearningTests(ResidueTrial):
    """Gradients and saved weights."""

    def test_gradients_reach_every_parameter(self) -> None:
        """A trainable encoder learns with all it has; a frozen one asks for no gradient."""
        encoder = self.stirred().train()
        learning = [name for name, part in encoder.named_parameters() if part.requires_grad]
        trainable = self.capabilities.trainable
        demand(
            bool(learning) == trainable,
            f"trainable={trainable}, but {len(learning)} parameters require a gradient"
            + (f", first {learning[0]}" if learning else ""),
            "freeze with requires_grad_(False), or correct the capability",
        )
        features = encoder.featurizer(self.records, Layout.PADDED)
        values = self.run(encoder, features, self.records).values
        if not trainable:
            return
        demand(
            values.requires_grad,
            "tokens carry no gradient",
            "compute them outside of torch.no_grad, and without detach()",
        )
        (values * torch.randn_like(values)).sum().backward()
        parameters = dict(encoder.named_parameters())
        idle = [n for n in learning if parameters[n].grad is None or not parameters[n].grad.any()]
        demand(
            not idle,
            f"no gradient reaches {', '.join(idle)}",
            "remove what is never used, or freeze it; an optimizer would only decay it",
        )

    def test_frozen_encoder_is_always_in_use_mode(self) -> None:
        """Nothing of a frozen encoder is random, just built or in train(): tokens can be stored."""
        if self.capabilities.trainable:
            return
        encoder = self.built()
        mend = (
            "override train() so that frozen parts stay in eval(), and call it at the end of "
            "__init__: no dropout in what is frozen"
        )
        fresh = self.padded(encoder, self.records).values
        before = self.padded(encoder.eval(), self.records).values
        demand_same(fresh, before, "a frozen encoder is not in use mode when it was built", mend)
        after = self.padded(encoder.train(), self.records).values
        demand_same(after, before, "train() changes the tokens of a frozen encoder", mend)

    def test_adapters_as_claimed(self) -> None:
        """With `adapters` exactly those of `adapter_names` learn; without, there are none."""
        encoder = self.encoder()
        names, claimed = set(encoder.adapter_names), self.capabilities.adapters
        demand(
            bool(names) == claimed,
            f"adapters={claimed}, but adapter_names holds {len(names)} names",
            "set adapter_names where adapters are added (multiprot.encoders.lora), or correct "
            "the capability",
        )
        if not claimed:
            return
        learning = {name for name, part in encoder.named_parameters() if part.requires_grad}
        astray = sorted(learning ^ (names & {name for name, _ in encoder.named_parameters()}))
        demand(
            not astray,
            f"adapter_names and what learns differ in {', '.join(astray[:3])}",
            "beside adapters everything is frozen; names count from the encoder, not its trunk",
        )
        absent = sorted(names - set(encoder.state_dict()))
        demand(
            not absent,
            f"state_dict has no {', '.join(absent[:3])}",
            "names count from the encoder, with the trunk's prefix",
        )

    def test_weights_travel_in_safetensors(self) -> None:
        """Saved, and loaded into another encoder, the weights give the same tokens."""
        encoder, other = self.stirred(0), self.stirred(1)
        mend = (
            "keep everything that is drawn or learned in parameters or persistent buffers, and "
            "share no memory between entries of state_dict"
        )
        carry_weights(encoder, other, mend)
        first, second = (self.padded(e, self.records).values for e in (encoder, other))
        demand_same(first, second, "loaded weights give other tokens", mend)
