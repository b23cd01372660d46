"""From specs to torch's own schedulers on an optimiser, inner ones first, as torch wants them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer, lr_scheduler

from lrlab.errors import LabError
from lrlab.schedules import ChainedScheduler, Fixed, LambdaLR, MultiplicativeLR, SequentialLR, Setting, lambda_values

PER_GROUP = ("max_lr", "base_lr", "min_lr")
"""Absolute LRs of which torch takes one for each group. They are meant for the optimiser's own LR; a group with a tenth
of it gets a tenth of them."""

BLOCK = 512
"""So many values of a formula are computed at a time, since that takes hardly longer than one."""


class Builder:
    """Builds schedulers on `optimizer`, whose groups still hold their base LRs."""

    def __init__(self, optimizer: Optimizer, setting: Setting) -> None:
        self._optimizer, self._setting = optimizer, setting
        base = float(optimizer.defaults["lr"])
        self._shares = [float(group["lr"]) / base for group in optimizer.param_groups]

    def build(self, spec: Any, offset: int = 0) -> Any:
        """torch's scheduler for `spec`. `offset`: the run's call at which it starts.

        Specs bear torch's names for classes and parameters, so that nothing is translated here that could be
        translated wrongly; `schedulers.check` compares what comes of it.
        """
        if isinstance(spec, SequentialLR):
            starts = (0, *spec.milestones)
            inner = [self.build(one, offset + start) for one, start in zip(spec.schedulers, starts, strict=True)]
            return lr_scheduler.SequentialLR(self._optimizer, inner, list(spec.milestones))
        if isinstance(spec, ChainedScheduler):
            return lr_scheduler.ChainedScheduler([self.build(one, offset) for one in spec.schedulers])
        if isinstance(spec, Fixed):  # among others; torch has none that does nothing, but this one multiplies by 1
            return lr_scheduler.ConstantLR(self._optimizer, factor=1.0, total_iters=0)
        made: Callable[..., Any] = getattr(lr_scheduler, spec.name)
        if isinstance(spec, LambdaLR | MultiplicativeLR):
            return made(self._optimizer, self._function(spec, offset))
        given = spec.model_dump(exclude={"name"})
        for name in given.keys() & set(PER_GROUP):
            given[name] = [given[name] * share for share in self._shares]
        return made(self._optimizer, **given)

    def _function(self, spec: LambdaLR | MultiplicativeLR, offset: int) -> Callable[[int], float]:
        """The function of the counter that torch calls. A plain one: of other callables torch would save the inside."""
        block: list[float] = []
        start = 0

        def values(first: int, n: int) -> list[float]:
            found: list[float] = lambda_values(spec, first, n, self._setting, offset).tolist()
            return found

        def function(epoch: int) -> float:
            nonlocal block, start
            if not 0 <= epoch - start < len(block):
                try:
                    block, start = values(epoch, BLOCK), epoch
                except LabError:  # somewhere in the block, which may be past the run's end
                    block, start = values(epoch, 1), epoch
            return block[epoch - start]

        return function
