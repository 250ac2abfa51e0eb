"""Mutual information against plain loops; its queue; the released way; what must not matter."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor
from torch.nn.functional import normalize, softplus

from multiprot.encoders.contract import FusionOutputs, ObjectiveResult, ProteinBatch
from multiprot.objectives.configs import MutualInformationConfig
from multiprot.objectives.critic import CriticScores, critic_means
from multiprot.objectives.mutual_information import MutualInformation
from multiprot.objectives.protein_queue import ProteinQueue, protein_keys
from tests.fusion.fakes import make_batch, make_context, make_model, take

LENGTHS = (9, 5, 12, 7)


def objective(**options: object) -> MutualInformation:
    torch.manual_seed(1)
    config = MutualInformationConfig.model_validate(options)
    return MutualInformation(config, make_context()).train()


def named(batch: ProteinBatch, *ids: str) -> ProteinBatch:
    return replace(batch, ids=ids)


def batches(steps: int, proteins: int = 3) -> list[ProteinBatch]:
    """Batches of other proteins each."""
    return [
        named(make_batch(LENGTHS[:proteins], seed=s), *(f"{s}.{p}" for p in range(proteins)))
        for s in range(steps)
    ]


def run(critic: MutualInformation, batch: ProteinBatch) -> ObjectiveResult:
    result: ObjectiveResult = critic(make_model()(batch), batch)
    return result


def means(outputs: FusionOutputs, name: str) -> list[Tensor]:
    """Mean token of each protein, one protein at a time."""
    tokens = getattr(outputs, f"{name}_tokens")
    return [v[m].mean(dim=0) for v, m in zip(tokens.values, tokens.mask, strict=True)]


def by_hand(critic: MutualInformation, side: str, vector: Tensor) -> Tensor:
    tower = getattr(critic, f"{side}_tower")
    hidden = (tower.first.weight @ vector + tower.first.bias + vector).clamp(min=0)
    out = tower.second.weight @ hidden + tower.second.bias + hidden
    return out.clamp(min=0) if tower.rectified else normalize(out, dim=0)


def test_equal_to_plain_loops_with_batch_and_queue() -> None:
    critic, model = objective(queue=4), make_model()
    past, now = batches(2)
    old = means(model(past), "structure")
    critic(model(past), past)
    outputs = model(now)
    s = [by_hand(critic, "sequence", v) for v in means(outputs, "sequence")]
    g = [by_hand(critic, "structure", v) for v in [*means(outputs, "structure"), *old]]
    scores = [[float((a @ b).detach()) / 0.2 for b in g] for a in s]
    true = [scores[i][i] for i in range(3)]
    false = [(scores[i][j], scores[i][i]) for i in range(3) for j in range(6) if j != i]
    positive = sum(math.log1p(math.exp(-t)) for t in true) / 3
    negative = sum(math.log1p(math.exp(t)) for t, _ in false) / 15
    result = critic(outputs, now)
    assert result.loss.item() == pytest.approx(positive + negative, rel=1e-5)
    assert result.weight == 3
    share = sum(t < own for t, own in false) / 15
    assert result.metrics["accuracy"].item() == pytest.approx(share)
    bound = result.metrics["jensen_shannon_bound"].item()
    assert bound == pytest.approx(math.log(2) - (positive + negative) / 2, rel=1e-5)
    assert bound < math.log(2)


def test_a_first_protein_alone_has_the_positive_term_and_finite_gradients() -> None:
    for options in ({"queue": 4}, {"queue": 0}, {"legacy": True}):
        critic, model = objective(**options), make_model().train()
        batch = make_batch((9,))
        outputs = model(batch)
        result = critic(outputs, batch)
        s, g = (
            by_hand(critic, n, means(outputs, n)[0]).detach() for n in ("sequence", "structure")
        )
        score = s @ g if critic.scale is None else s @ g / 0.2
        torch.testing.assert_close(result.loss.detach(), softplus(-score))
        assert result.weight == 1
        assert result.metrics["accuracy"] == 0
        assert result.metrics["jensen_shannon_bound"] == 0
        result.loss.backward()
        learned = [p.grad for p in (*critic.parameters(), *model.parameters())]
        assert all(grad.isfinite().all() for grad in learned if grad is not None)
        assert any(grad.any() for grad in learned if grad is not None)


def test_proteins_without_a_modality_do_not_count() -> None:
    batch = make_batch(LENGTHS, has_structure=(True, False, True, True))
    batch = replace(batch, has_sequence=torch.tensor([True, True, False, True]))
    whole = take(batch, [0, 3])
    found, wanted = (run(objective(queue=4), each) for each in (batch, whole))
    assert found.weight == wanted.weight == 2
    torch.testing.assert_close(found.loss, wanted.loss)
    torch.testing.assert_close(dict(found.metrics), dict(wanted.metrics))
    nobody = replace(batch, has_structure=torch.zeros(4, dtype=torch.bool))
    critic = objective(queue=4)
    run(critic, batches(1)[0])
    before = critic.queue.vectors.clone()
    rest = run(critic, nobody)
    assert rest.loss == rest.weight == 0
    assert torch.equal(critic.queue.vectors, before)


@pytest.mark.parametrize("legacy", [False, True])
def test_padding_does_not_matter_and_what_a_mask_hides_neither(legacy: bool) -> None:
    critics = [objective(queue=3, legacy=legacy) for _ in range(2)]
    for seed in range(2):
        plain, padded = (
            named(make_batch(LENGTHS, seed=seed, padding=padding), *"abcd") for padding in (0, 11)
        )
        model = make_model()
        model.sequence.behind_mask = 1e6 if seed else None  # type: ignore[union-attr]
        losses = [
            critic(model(b), b).loss for critic, b in zip(critics, (plain, padded), strict=True)
        ]
        torch.testing.assert_close(losses[0], losses[1], rtol=1e-5, atol=1e-6)


def test_scores_of_a_pair_do_not_depend_on_the_company() -> None:
    """Three proteins at once give the mean of the pairs taken two at a time."""
    batch, pairs = make_batch(LENGTHS[:3]), ([0, 1], [0, 2], [1, 2])
    losses = [run(objective(queue=0), take(batch, pair)).loss.detach() for pair in pairs]
    together = run(objective(queue=0), batch).loss.detach()
    torch.testing.assert_close(together, torch.stack(losses).mean())


def test_a_protein_is_not_its_own_negative() -> None:
    """Not twice in a batch, and not from the queue; a fresh vector counts before an old one."""
    model, critic = make_model(), objective(queue=8)
    batch = make_batch(LENGTHS[:3])
    twice = named(batch, "a", "a", "b")
    scores = []
    original = critic._against_all

    def watched(*arguments: object) -> object:
        found = original(*arguments)  # type: ignore[arg-type]
        scores.append(found[0])
        return found

    critic._against_all = watched  # type: ignore[assignment,method-assign]
    critic(model(twice), twice)
    a, b = [False, False, True], [True, True, False]
    assert scores[0].is_negative[:, :3].tolist() == [a, a, b]
    assert not scores[0].is_negative[:, 3:].any()
    other = named(batch, "a", "c", "d")
    critic(model(other), other)
    # Newest first: b, a, a; only b is not in the batch.
    assert scores[1].is_negative[:, 3:].tolist() == [[True] + [False] * 7] * 3


def test_the_queue_has_the_newest_first_and_no_gradient() -> None:
    queue = ProteinQueue(3, 2)
    assert not queue.absent(protein_keys([])).any()
    queue.push(torch.ones(2, 2, requires_grad=True), protein_keys("ab"))
    assert queue.filled.tolist() == [True, True, False]
    queue.push(torch.tensor([[2.0, 2.0], [3.0, 3.0]]), protein_keys("cd"))
    assert queue.vectors.tolist() == [[3, 3], [2, 2], [1, 1]]
    assert torch.equal(queue.keys, protein_keys("dcb"))
    assert queue.absent(protein_keys("cx")).tolist() == [True, False, True]
    assert not queue.vectors.requires_grad
    queue.push(torch.zeros(0, 2), protein_keys([]))
    assert torch.equal(queue.keys, protein_keys("dcb"))
    queue.push(torch.arange(10.0).view(5, 2), protein_keys("efghi"))
    assert torch.equal(queue.keys, protein_keys("ihg"))


def test_evaluation_leaves_the_queue_alone() -> None:
    critic = objective(queue=8)
    first, second = batches(2)
    run(critic, first)
    before = critic.queue.keys.clone()
    losses = [run(critic.eval(), second).loss for _ in range(2)]
    assert losses[0] == losses[1]
    assert torch.equal(critic.queue.keys, before)


@pytest.mark.parametrize("legacy", [False, True])
def test_resumed_is_as_never_interrupted(legacy: bool) -> None:
    """To the bit: state saved after two steps, and the third and fourth step from it."""
    straight, steps = objective(queue=5, legacy=legacy), batches(4)
    for batch in steps[:2]:
        run(straight, batch)
    resumed = MutualInformation(MutualInformationConfig(queue=5, legacy=legacy), make_context())
    fresh = objective(queue=5, legacy=legacy)
    resumed.load_state_dict(load(save(dict(straight.state_dict()))))
    for batch in steps[2:]:
        wanted, found = run(straight, batch).loss, run(resumed.train(), batch).loss
        assert torch.equal(found, wanted)
        # Without the queue it would be another loss.
        assert not torch.equal(run(fresh, batch).loss, wanted) or batch is steps[3]


def test_old_structures_teach_the_tower_and_no_encoder() -> None:
    critic, model = objective(queue=8), make_model().train()
    first, second = batches(2, proteins=1)
    old = model(first)
    assert old.structure_tokens is not None
    old.structure_tokens.values.retain_grad()
    critic(old, first)
    critic(model(second), second).loss.backward()
    assert old.structure_tokens.values.grad is None
    assert all(p.grad is not None and p.grad.any() for p in critic.parameters())


def released(critic: MutualInformation, s: Tensor, g: Tensor) -> Tensor:
    """The loss of the released code on [protein, width], all pairs."""
    u, v = (
        torch.stack([by_hand(critic, side, row) for row in rows])
        for side, rows in (("sequence", s), ("structure", g))
    )
    scores = u @ v.T
    apart = ~torch.eye(len(s), dtype=torch.bool)
    return softplus(-scores.diag()).mean() + softplus(scores[apart]).mean()


def test_legacy_is_the_released_loss_protein_by_protein() -> None:
    critic, model = objective(legacy=True), make_model().train()
    past = None
    for batch in batches(3, proteins=1):
        outputs = model(batch)
        s, g = (torch.stack(means(outputs, name)) for name in ("sequence", "structure"))
        result = critic(outputs, batch)
        if past is not None:
            both = (torch.cat([now, old]) for now, old in zip((s, g), past, strict=True))
            wanted = released(critic, *both)
            torch.testing.assert_close(result.loss, wanted)
            ours, theirs = (
                torch.autograd.grad(loss, list(model.sequence.parameters()), retain_graph=True)  # type: ignore[union-attr]
                for loss in (result.loss, wanted)
            )
            torch.testing.assert_close(ours, theirs)
        past = (s.detach(), g.detach())


def test_legacy_scores_are_never_negative() -> None:
    critic = objective(legacy=True)
    first, second = batches(2, proteins=1)
    run(critic, first)
    assert run(critic, second).loss > math.log(2)
    assert critic.scale is None
    assert not any("scale" in name for name in critic.state_dict())


def test_legacy_compares_a_batch_with_the_protein_before() -> None:
    """Two proteins at once: the second with the first; the first has nobody."""
    critic, batch = objective(legacy=True), make_batch(LENGTHS[:2])
    outputs = make_model()(batch)
    s, g = ([by_hand(critic, n, v) for v in means(outputs, n)] for n in ("sequence", "structure"))
    positives = [s[0] @ g[0], s[1] @ g[1], s[0] @ g[0]]
    negatives = [s[1] @ g[0], s[0] @ g[1]]
    wanted = softplus(-torch.stack(positives)).mean() + softplus(torch.stack(negatives)).mean()
    torch.testing.assert_close(critic(outputs, batch).loss, wanted)


def test_equal_scores_count_half() -> None:
    scores = CriticScores(
        positive=torch.tensor([[1.0], [0.0]]),
        is_positive=torch.ones(2, 1, dtype=torch.bool),
        negative=torch.tensor([[0.0, 1.0, 9.0], [2.0, -1.0, 0.0]]),
        is_negative=torch.tensor([[True, True, False], [True, True, True]]),
    )
    found = critic_means(scores)
    assert found.accuracy == pytest.approx((1 + 0.5 + 0 + 1 + 0.5) / 5)
    assert found.positives == 2
    assert found.negatives == 5


def test_it_learns_to_tell_pairs() -> None:
    """On proteins never told apart before, the bound rises above zero."""
    torch.manual_seed(0)
    critic, model, batch = objective(queue=0), make_model().train(), make_batch(LENGTHS)
    optimizer = torch.optim.Adam([*critic.parameters(), *model.parameters()], lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        result = critic(model(batch), batch)
        result.loss.backward()
        optimizer.step()
    assert result.metrics["accuracy"] == 1
    assert 0 < result.metrics["jensen_shannon_bound"] < math.log(2)
