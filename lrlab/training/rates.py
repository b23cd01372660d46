"""The LRs of an optimiser's groups, as the log tells them: one course for the run, and one for each named group."""

from __future__ import annotations

from torch.optim import Optimizer


class Rates:
    """Reads the LRs that the next update uses. Made while `optimizer` still holds its base LRs, before the schedule.

    The run's own course is base LR x schedule, whichever group bears it: the first whose LR is the optimiser's own, or,
    where every group has an LR of its own, the first group's in proportion.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer  # not its groups: loading a state puts others in their place
        base = float(optimizer.defaults["lr"])
        shares = [float(group["lr"]) / base for group in optimizer.param_groups]
        self._leader = shares.index(1.0) if 1.0 in shares else 0
        self._share = shares[self._leader]
        names = [str(group.get("group_name", number)) for number, group in enumerate(optimizer.param_groups)]
        self.columns: tuple[str, ...] = tuple(f"lr_{name}" for name in names) if len(names) > 1 else ()
        """The log's column of each group; none where there is one group only."""

    @property
    def lr(self) -> float:
        """The LR of the run's own course."""
        lr = float(self._optimizer.param_groups[self._leader]["lr"])
        return lr if self._share == 1.0 else lr / self._share

    @property
    def of_groups(self) -> tuple[float, ...]:
        """The LR of each group."""
        return tuple(float(group["lr"]) for group in self._optimizer.param_groups)
