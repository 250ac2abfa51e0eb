"""Settings of a fine-tuning run. No torch, no lightning."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from multiprot.config import Section


class FineTuneOptions(Section):
    """Everything, beside model and task, that decides the outcome of `multiprot finetune`."""

    mode: Literal["frozen", "lora", "parts", "full"] = "frozen"
    """What learns beside the head: nothing ("frozen"); low-rank adapters of the sequence encoder
    ("lora"); the parts that `learns` names ("parts"); or all of the model ("full")."""
    learns: tuple[Literal["sequence", "structure", "fusion"], ...] = ()
    """Parts of the model that learn in mode parts: its sequence encoder, its structure encoder, or
    what stands behind them; repeatable. All others stay as they are."""
    frozen_tokens: Literal["kept", "computed"] = "kept"
    """Tokens of a sequence encoder that does not learn while another part does: computed once and
    kept in the run's folder ("kept"), or anew at every step ("computed"), which needs no room."""
    epochs: PositiveInt = 20
    """Times that every training entry is seen, at most."""
    max_steps: PositiveInt | None = None
    """Optimizer steps at most; null: as many as the epochs have."""
    patience: PositiveInt = 5
    """Looks at the valid part without a better score, after which training ends."""
    validate_every: PositiveInt | None = None
    """Optimizer steps between two looks at the valid part; null: once an epoch."""
    valid_share: float = Field(default=0.1, gt=0.0, lt=1.0)
    """Share of the training entries held out for the valid part, where the task has none."""
    head_lr: float = Field(default=5e-3, gt=0.0, allow_inf_nan=False)
    """Highest learning rate of the head."""
    backbone_lr: float = Field(default=1e-4, gt=0.0, allow_inf_nan=False)
    """Highest learning rate of adapters, or of the model."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """After the warm-up, a tenth of all steps: a half cosine down to a twentieth, or level."""
    weight_decay: float = Field(default=0.01, ge=0.0, allow_inf_nan=False)
    """Decoupled decay of weight matrices."""
    gradient_clip: float = Field(default=1.0, gt=0.0, allow_inf_nan=False)
    """Largest joint norm of all gradients."""
    batch_entries: PositiveInt = 32
    """Entries in one batch at most."""
    batch_tokens: PositiveInt = 8192
    """Residues in one batch at most, padding included; a longer entry makes a batch of its own.
    Where the vectors of whole proteins are known already, residues do not count."""
    head: Literal["plain", "graph"] = "plain"
    """What predicts from vectors: layers alone ("plain"); or, for pairs of proteins and a model
    that does not learn, layers behind graph layers over the network of the pairs ("graph")."""
    hidden: PositiveInt | None = None
    """Channels of a hidden layer of the head; null: the head is linear."""
    scores: Literal["plain", "tanh"] = "plain"
    """"tanh": scores of classes are squashed to -1 … 1 before the cross-entropy, as the released
    code of STEPS has it, only to compare with it: over C classes the loss cannot fall below
    log(1 + (C - 1) / e²), which is 0.13 for 2, 0.80 for 10 and 3.97 for 384."""
    graph_edges: Literal["train", "all"] = "train"
    """Pairs that are links of the graph: those of the training part; or "all", those of the valid
    and test parts, too, whose labels stay unused: for where all pairs are known beforehand."""
    graph_layers: int = Field(default=1, ge=1, le=2)
    """Graph layers: how many links away a protein still counts."""
    graph_width: PositiveInt = 256
    """Channels of a protein's state in the graph."""
    graph_neighbours: Literal["sum", "mean"] | None = None
    """How neighbours' states are joined; null: "sum" where all pairs are links, else "mean", as new
    proteins have fewer links than those of the training part."""
    wild_type: tuple[str, ...] = ()
    """Columns of the table with the wild type's sequences, where labels are differences of a mutant
    from it, in the order of the mutant's: the head's output for one less that for the other is
    learnt."""
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of the head's inputs and hidden channels dropped in training."""
    class_weights: Literal["none", "balanced"] = "none"
    """"balanced": a class or label counts the more in the loss the rarer it is in training."""
    lora_rank: PositiveInt = 8
    """Rank of the update of each adapted matrix."""
    lora_alpha: float | None = Field(default=None, gt=0.0, allow_inf_nan=False)
    """The update is scaled by this over the rank; null: twice the rank."""
    lora_dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Share of an adapter's inputs dropped in training."""
    long_proteins: Literal["window", "refuse"] = "window"
    """What to do with a protein longer than the model takes: overlapping windows, joined as in
    embedding, or an error that names it. It is never cut."""
    max_residues: PositiveInt | None = None
    """Longest protein, or window, in one piece; null: the model's own limit."""
    window_overlap: int = Field(default=64, ge=0)
    """Residues that neighbouring windows share at least."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Arithmetic of the model; its weights and the head stay in float32."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Decides the head's first weights, adapters, batches and dropout."""
    checkpoint_every: PositiveInt = 100
    """Optimizer steps between two checkpoints; one more is written at the end."""
    log_every: PositiveInt = 10
    """Optimizer steps between two rows of the log."""

    @model_validator(mode="after")
    def _parts_are_named_where_they_learn(self) -> Self:
        if self.mode == "parts" and not self.learns:
            raise ValueError(
                "mode parts: names no part that learns; give learns, one or more of sequence, "
                "structure and fusion"
            )
        if self.learns and self.mode != "parts":
            raise ValueError(
                f"learns {', '.join(self.learns)}: goes with mode parts, not with {self.mode}"
            )
        return self

    @model_validator(mode="after")
    def _what_goes_with_a_graph(self) -> Self:
        if self.head == "graph" and self.wild_type:
            raise ValueError("head graph predicts no differences from a wild type; leave one out")
        if self.head == "graph" and self.mode != "frozen":
            raise ValueError(
                f"head graph is for mode frozen, not {self.mode}: every step needs the vectors of "
                "the whole network"
            )
        return self
