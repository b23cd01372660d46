"""The LRs of parameter groups as the log has them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lrlab.training.batches import EvalBatches, TrainBatches
from lrlab.training.gradient import Gradient
from lrlab.training.loop import Loop, Update
from lrlab.training.loss import Loss
from lrlab.training.observers import Recorder
from lrlab.training.rates import Rates

from .small_loop import CPU, TRAIN, VAL, Log, Plain, network, pictures


def grouped(*groups: tuple[str, float]) -> Rates:
    made = [{"params": [nn.Parameter(torch.zeros(1))], "lr": lr, "group_name": name} for name, lr in groups]
    return Rates(torch.optim.SGD(made, lr=0.1))


RATES: dict[str, tuple[tuple[tuple[str, float], ...], tuple[str, ...]]] = {
    "one group": ((("all", 0.1),), ()),
    "the head bears the LR": ((("backbone", 0.01), ("head", 0.1)), ("lr_backbone", "lr_head")),
    "no group bears it": ((("a", 0.05), ("b", 0.02)), ("lr_a", "lr_b")),
}


@pytest.mark.parametrize("case", RATES)
def test_the_runs_own_lr_is_the_base_lr_times_the_schedule(case: str) -> None:
    groups, columns = RATES[case]
    rates = grouped(*groups)
    assert rates.columns == columns
    assert rates.lr == pytest.approx(0.1)
    assert rates.of_groups == tuple(own for _, own in groups)
    for group in rates._optimizer.param_groups:
        group["lr"] *= 0.25
    assert rates.lr == pytest.approx(0.025)


def test_each_groups_lr_is_logged() -> None:
    net = network()
    groups = [
        {"params": list(net[0].parameters()), "lr": 0.01, "group_name": "backbone"},  # type: ignore[index]
        {"params": list(net[4].parameters()), "lr": 0.1, "group_name": "head"},  # type: ignore[index]
    ]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    rates, log, there = Rates(optimizer), Log(), pictures()
    loop = Loop(
        net, optimizer, Plain(optimizer), TrainBatches(there, TRAIN, 12, 7), EvalBatches(there, VAL, 4), CPU,
        (Recorder(log, 12, rates.columns),), Update(Loss(), Gradient(net)), rates,  # type: ignore[arg-type]
    )  # fmt: skip
    loop.fit(2)
    for step, row in enumerate(log.steps):
        assert row["lr"] == row["lr_head"] == pytest.approx(0.1 * 0.9**step, rel=1e-9)
        assert row["lr_backbone"] == pytest.approx(0.01 * 0.9**step, rel=1e-9)
