"""Penalties against autograd of the written-out loss, clipping and norm against torch's own functions."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from lrlab.experiments import Clip, Regularization
from lrlab.training.gradient import Gradient, penalised_weights


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


def with_gradients(model: nn.Module, extra: Any = None) -> nn.Module:
    """`model` after the backward pass of a loss, to which `extra(model)` is added."""
    torch.manual_seed(4)
    loss = nn.functional.cross_entropy(model(torch.randn(6, 3, 4, 4)), torch.tensor([0, 1, 2, 0, 1, 2]))
    torch.autograd.backward(loss + extra(model) if extra else loss)
    return model


def gradients(model: nn.Module) -> list[Tensor]:
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]


PENALTIES = {"l1": (0.3, 0.0), "l2": (0.0, 0.2), "elastic net": (0.3, 0.2)}


@pytest.mark.parametrize("case", PENALTIES)
def test_a_penalty_is_the_gradient_of_the_written_out_loss(case: str) -> None:
    l1, l2 = PENALTIES[case]

    def penalty(model: nn.Module) -> Tensor:
        weights = [model[0].weight, model[4].weight]  # type: ignore[index]
        return sum(l1 * one.abs().sum() + l2 * one.square().sum() for one in weights)  # type: ignore[return-value]

    model = network()
    with torch.no_grad():
        model[0].weight[0, 0] = 0.0  # type: ignore[index, union-attr, operator] (where |w| has a corner)
    expected = gradients(with_gradients(copy.deepcopy(model), penalty))
    plain = gradients(with_gradients(copy.deepcopy(model)))
    Gradient(with_gradients(model), Regularization(l1=l1, l2=l2)).treat()
    names = [name for name, _ in model.named_parameters()]
    changed = set()
    for name, got, true, before in zip(names, gradients(model), expected, plain, strict=True):
        torch.testing.assert_close(got, true, rtol=1e-5, atol=1e-7)
        if not torch.equal(got, before):
            changed.add(name)
    assert changed == {"0.weight", "4.weight"}


def test_what_a_penalty_holds_down() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.LayerNorm(4), nn.MultiheadAttention(4, 2))
    found = {id(one) for one in penalised_weights(model)}
    names = [name for name, parameter in model.named_parameters() if id(parameter) in found]
    assert names == ["0.weight", "3.in_proj_weight", "3.out_proj.weight"]


def test_frozen_weights_are_left_out() -> None:
    model = network()
    model[0].weight.requires_grad_(False)  # type: ignore[index, union-attr, operator]
    treated = with_gradients(model)
    Gradient(model, Regularization(l1=0.1, l2=0.1), Clip(by="norm", limit=0.1)).treat()
    assert treated[0].weight.grad is None  # type: ignore[index, union-attr]
    assert float(torch.cat([one.flatten() for one in gradients(model)]).norm()) == pytest.approx(0.1, rel=1e-4)


@pytest.mark.parametrize("limit", [1e-3, 0.1, 1e6])
@pytest.mark.parametrize("by", ["norm", "value"])
def test_clipping_is_torchs_own(by: str, limit: float) -> None:
    theirs = with_gradients(network())
    before = torch.cat([one.flatten() for one in gradients(theirs)])
    norm = clip_grad_norm_(theirs.parameters(), limit) if by == "norm" else before.norm()
    if by == "value":
        clip_grad_value_(theirs.parameters(), limit)
    ours = with_gradients(network())
    gradient = Gradient(ours, clip=Clip.model_validate({"by": by, "limit": limit}))
    assert (gradient.measures, gradient.clips) == (True, True)
    gradient.treat()
    for got, true in zip(gradients(ours), gradients(theirs), strict=True):
        assert torch.equal(got, true)
    assert gradient.norm is not None
    torch.testing.assert_close(gradient.norm, norm)
    above = before.norm() > limit if by == "norm" else before.abs().max() > limit
    assert bool(gradient.clipped) == bool(above)
    assert bool(above) == (limit < 1)


def test_worked_by_hand() -> None:
    """Gradients 3 and 4: the norm is 5; a limit of 1 makes them 0.6 and 0.8, a limit of 3.5 by value 3 and 3.5."""

    def treated(**settings: Any) -> tuple[list[float], Gradient]:
        model = nn.ParameterList([nn.Parameter(torch.ones(())), nn.Parameter(torch.ones(()))])
        model[0].grad, model[1].grad = torch.tensor(3.0), torch.tensor(-4.0)
        gradient = Gradient(model, **settings)
        gradient.treat()
        return [float(one.grad) for one in model], gradient

    values, gradient = treated(clip=Clip(by="norm", limit=1.0))
    assert values == pytest.approx([0.6, -0.8], rel=1e-6)
    assert (float(gradient.norm), bool(gradient.clipped)) == (5.0, True)  # type: ignore[arg-type]
    values, gradient = treated(clip=Clip(by="value", limit=3.5))
    assert values == [3.0, -3.5]
    assert (float(gradient.norm), bool(gradient.clipped)) == (5.0, True)  # type: ignore[arg-type]
    values, gradient = treated(clip=Clip(by="value", limit=4.0))
    assert (values, bool(gradient.clipped)) == ([3.0, -4.0], False)
    values, gradient = treated(log_norm=True)
    assert values == [3.0, -4.0]
    assert (float(gradient.norm), gradient.clipped) == (5.0, None)  # type: ignore[arg-type]


def test_the_norm_is_taken_with_the_penalty_and_before_clipping() -> None:
    layer = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(2.0)
    layer.weight.grad = torch.full((1, 1), 3.0)
    gradient = Gradient(layer, Regularization(l1=0.5, l2=0.25), Clip(by="norm", limit=1.0))
    gradient.treat()
    assert float(gradient.norm) == 3.0 + 0.5 + 2 * 0.25 * 2.0  # type: ignore[arg-type]
    assert float(layer.weight.grad) == pytest.approx(1.0, rel=1e-6)


def test_with_everything_off_nothing_is_touched() -> None:
    model = with_gradients(network())
    before = [one.clone() for one in gradients(model)]
    gradient = Gradient(model)
    gradient.treat()
    assert all(torch.equal(got, true) for got, true in zip(gradients(model), before, strict=True))
    assert (gradient.measures, gradient.clips, gradient.norm, gradient.clipped) == (False, False, None, None)


def test_nothing_is_read_from_the_device() -> None:
    """On the meta device, which has no values, reading one raises."""
    model = network().to("meta")
    for parameter in model.parameters():
        parameter.grad = torch.empty_like(parameter)
    for by in ("norm", "value"):
        clip = Clip.model_validate({"by": by})
        Gradient(model, Regularization(l1=0.1, l2=0.1), clip, log_norm=True).treat()
