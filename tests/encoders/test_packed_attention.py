"""Packed attention against a softmax written out for one protein at a time."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from multiprot.encoders import cpu_attention
from multiprot.encoders import packed_attention as module
from multiprot.encoders.packed_attention import Packing, packed_attention

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=6)
# Equal neighbours share one call of the kernel; they must be tried often.
RUNS = st.lists(st.sampled_from([1, 7, 7, 23]), min_size=1, max_size=6)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


def parts(
    tokens: int, heads: int = 3, channels: int = 8, dtype: torch.dtype = torch.float32
) -> list[Tensor]:
    rng = torch.Generator().manual_seed(tokens)
    shape = (tokens, heads, channels)
    return [torch.randn(shape, generator=rng).to(dtype) for _ in range(3)]


def written_out(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    lengths: list[int],
    scale: float | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    bias = torch.zeros(1, max(lengths), max(lengths)) if bias is None else bias.double()
    rows = zip(*(part.double().split(lengths) for part in (query, key, value)), strict=True)
    return torch.cat(
        [
            torch.einsum(
                "hqk,khc->qhc",
                torch.einsum("qhc,khc->hqk", q, k)
                .mul(scale)
                .add(bias[:, : len(q), : len(q)])
                .softmax(-1),
                v,
            )
            for q, k, v in rows
        ]
    )


@given(st.one_of(LENGTHS, RUNS))
def test_a_packing_numbers_its_tokens(lengths: list[int]) -> None:
    packing = Packing.of(lengths)
    owners = [protein for protein, length in enumerate(lengths) for _ in range(length)]
    assert packing.owners.tolist() == owners
    assert packing.positions.tolist() == [p for length in lengths for p in range(length)]
    assert packing.offsets.tolist() == [sum(lengths[:n]) for n in range(len(lengths) + 1)]
    assert packing.offsets.dtype == torch.int32
    assert packing.tokens == len(owners)


def test_an_empty_packing() -> None:
    packing = Packing.of([])
    assert packing.offsets.tolist() == [0]
    assert packing.positions.shape == packing.owners.shape == (0,)
    query, key, value = parts(0)
    assert packed_attention(query, key, value, packing).shape == value.shape


def test_a_packing_survives_pickling_and_moving() -> None:
    packing = pickle.loads(pickle.dumps(Packing.of([3, 1])))  # noqa: S301
    moved = packing.to(torch.device("meta"))
    assert (moved.lengths, moved.offsets.device.type) == ((3, 1), "meta")
    assert packing.offsets.tolist() == [0, 3, 4]


@given(st.one_of(LENGTHS, RUNS), st.sampled_from([None, 0.3]))
@settings(deadline=None)
def test_each_protein_attends_to_itself_alone(lengths: list[int], scale: float | None) -> None:
    query, key, value = parts(sum(lengths))
    found = packed_attention(query, key, value, Packing.of(lengths), scale=scale)
    expected = written_out(query, key, value, lengths, scale)
    torch.testing.assert_close(found.double(), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("fast", [True, False], ids=["with tiles", "without"])
def test_half_precision_on_any_cpu(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_attention, "_halves_are_fused", lambda: fast)
    lengths = [30, 30, 5, 1]
    query, key, value = parts(sum(lengths), dtype=torch.bfloat16)
    packing = Packing.of(lengths)
    found = packed_attention(query, key, value, packing)
    assert found.dtype == torch.bfloat16
    expected = written_out(query, key, value, lengths)
    torch.testing.assert_close(found.double(), expected, atol=0.02, rtol=0.02)
    # Queries and keys may come in float32 beside values of another type.
    mixed = packed_attention(query.float(), key.float(), value, packing)
    assert mixed.dtype == torch.bfloat16
    torch.testing.assert_close(mixed, found, atol=0.01, rtol=0.01)


@given(st.one_of(LENGTHS, RUNS))
@settings(deadline=None, max_examples=20)
def test_nested_tensors_give_the_same(lengths: list[int]) -> None:
    """The way of float32 on CUDA; nested tensors work on the CPU too, only slowly."""
    query, key, value = parts(sum(lengths))
    found = module._nested((query, key, value), Packing.of(lengths), None, 0.0)
    expected = written_out(query, key, value, lengths)
    torch.testing.assert_close(found.double(), expected, atol=1e-6, rtol=1e-5)


@given(st.one_of(LENGTHS, RUNS), st.integers(0, 3))
@settings(deadline=None)
def test_a_bias_is_added_at_its_places(lengths: list[int], more: int) -> None:
    """Also by the way of CUDA, which any device can go."""
    query, key, value = parts(sum(lengths))
    places = max(lengths) + more
    bias = torch.randn(3, places, places, generator=torch.Generator().manual_seed(places))
    packing = Packing.of(lengths)
    expected = written_out(query, key, value, lengths, 0.3, bias)
    for found in (
        packed_attention(query, key, value, packing, bias=bias, scale=0.3),
        module._padded((query, key, value), packing, bias, 0.3, 0.0),
    ):
        torch.testing.assert_close(found.double(), expected, atol=1e-6, rtol=1e-5)


def test_a_bias_learns() -> None:
    lengths = [4, 4, 9]
    bias = torch.randn(3, 9, 9).requires_grad_()
    query, key, value = parts(17)
    weight = torch.randn(17, 3, 8)
    packed_attention(query, key, value, Packing.of(lengths), bias=bias).mul(weight).sum().backward()
    found, bias.grad = bias.grad, None
    written_out(query, key, value, lengths, bias=bias).mul(weight).sum().backward()
    torch.testing.assert_close(found, bias.grad, atol=1e-5, rtol=1e-4)


def test_gradients_stay_within_a_protein() -> None:
    lengths = [4, 4, 9]
    learned = [part.requires_grad_() for part in parts(17)]
    packed_attention(*learned, Packing.of(lengths))[4:8].square().sum().backward()
    found = [part.grad for part in learned]
    for part in learned:
        part.grad = None
    written_out(*learned, lengths)[4:8].square().sum().backward()
    for part, gradient in zip(learned, found, strict=True):
        assert gradient is not None
        assert not gradient[:4].any()
        assert not gradient[8:].any()
        torch.testing.assert_close(gradient, part.grad, atol=1e-5, rtol=1e-4)


LONG = [300, 300, 200, 20, 1100]


@pytest.mark.parametrize("biased", [False, True])
def test_halves_written_out_learn_the_same(biased: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trained with products in bfloat16, whatever this CPU has, against float64."""
    monkeypatch.setattr(cpu_attention, "_halves_multiply", lambda: True)
    written: list[int] = []
    kernel = cpu_attention._written_out
    monkeypatch.setattr(
        cpu_attention,
        "_written_out",
        lambda *rows, **given: (written.append(rows[0].shape[2]), kernel(*rows, **given))[1],
    )
    tokens = sum(LONG)
    learned = [part.requires_grad_() for part in parts(tokens, channels=32, dtype=torch.bfloat16)]
    wanted = torch.randn(tokens, 3, 32, generator=torch.Generator().manual_seed(1))
    drawn = torch.randn(3, max(LONG), max(LONG), generator=torch.Generator().manual_seed(2))
    bias = drawn if biased else None
    found = packed_attention(*learned, Packing.of(LONG), bias=bias)
    assert written == [300, 200]
    (found.float() * wanted).sum().backward()
    exact = [part.detach().double().requires_grad_() for part in learned]
    expected = written_out(*exact, LONG, bias=bias)
    (expected * wanted).sum().backward()
    # With a bias scores are rounded twice.
    torch.testing.assert_close(found.double(), expected, atol=0.01 * (1 + biased), rtol=0.02)
    for part, reference in zip(learned, exact, strict=True):
        assert part.grad is not None
        assert reference.grad is not None
        for mine, right in zip(part.grad.split(LONG), reference.grad.split(LONG), strict=True):
            assert float((mine - right).norm() / right.norm()) < 0.01


def test_only_training_is_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors that are asked for do not depend on whether the CPU multiplies halves."""
    learned = [part.requires_grad_() for part in parts(sum(LONG), dtype=torch.bfloat16)]
    said = []
    for fast in (True, False):
        monkeypatch.setattr(cpu_attention, "_halves_multiply", lambda fast=fast: fast)
        with torch.no_grad():
            said.append(packed_attention(*learned, Packing.of(LONG)))
    assert torch.equal(*said)


@pytest.mark.parametrize("kernel", [cpu_attention._fused, cpu_attention._written_out])
def test_dropout_drops(kernel: Callable[..., Tensor]) -> None:
    rows = [part.transpose(0, 1)[None] for part in parts(30)]
    torch.manual_seed(0)
    draws = [kernel(*rows, scale=None, dropout=0.5) for _ in range(400)]
    still = kernel(*rows, scale=None, dropout=0.0)
    assert not torch.equal(draws[0], draws[1])
    # What is kept is raised, so that the mean stays.
    mean = torch.stack(draws).mean(0)
    assert float((mean - still).norm() / still.norm()) < 0.15


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_company_of_other_proteins_does_not_matter(dtype: torch.dtype) -> None:
    lengths = [50, 50, 3, 200, 50]
    query, key, value = parts(sum(lengths), heads=4, channels=16, dtype=dtype)
    together = packed_attention(query, key, value, Packing.of(lengths)).split(lengths)
    rows = zip(*(part.split(lengths) for part in (query, key, value)), strict=True)
    for found, (q, k, v) in zip(together, rows, strict=True):
        assert torch.equal(found, packed_attention(q, k, v, Packing.of([len(q)])))


@needs_cuda
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("channels", [16, 64, 20])
@pytest.mark.parametrize("varlen", [True, False])
def test_on_cuda(
    dtype: torch.dtype, channels: int, varlen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not varlen:
        monkeypatch.setattr(module, "_varlen_of_torch", lambda: None)
    device = torch.device("cuda")
    lengths = [200, 7, 7, 1, 64]
    query, key, value = parts(sum(lengths), channels=channels, dtype=dtype)
    learned = [part.to(device).requires_grad_() for part in (query, key, value)]
    found = packed_attention(*learned, Packing.of(lengths).to(device))
    expected = written_out(query, key, value, lengths)
    near = 1e-4 if dtype == torch.float32 else 0.02
    assert found.dtype == dtype
    torch.testing.assert_close(found.detach().cpu().double(), expected, atol=near, rtol=near)
    found.float().square().sum().backward()
    assert all(part.grad is not None and part.grad.isfinite().all() for part in learned)
