"""Figures on their way from an accelerator to the host: asked for now, read once they are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor


class Mark(Protocol):
    """A place in the work that was asked of a device."""

    def query(self) -> bool:
        """Whether all work before it is done."""

    def synchronize(self) -> None:
        """Waits until all work before it is done."""


class Fetch:
    """Takes `rows` of single values, each row with the same kinds of them, off the device they lie on.

    An NVIDIA GPU copies them when it comes to it, and the CPU goes on at once. From other devices they come here, now.
    """

    def __init__(self, rows: Sequence[Sequence[Tensor]]) -> None:
        device = rows[0][0].device
        # A kind at a time: one copy for all rows. A copy off a GPU that is not waited for lands in pinned memory.
        self._kinds = [
            torch.stack(kind).to("cpu", non_blocking=device.type == "cuda") for kind in zip(*rows, strict=True)
        ]
        self._mark = mark(device)

    def there(self) -> bool:
        """Whether `values` has nothing to wait for."""
        return self._mark.query()

    def values(self) -> list[tuple[float, ...]]:
        """The rows. Waits until they are there."""
        self._mark.synchronize()
        return list(zip(*([float(value) for value in kind.tolist()] for kind in self._kinds), strict=True))


class _Passed:
    """The mark of a device that was waited for."""

    def query(self) -> bool:
        return True

    def synchronize(self) -> None:
        pass


def mark(device: torch.device) -> Mark:
    """Marks the work that was asked of `device` so far."""
    if device.type != "cuda":
        return _Passed()
    # Blocking: a CPU that waits sleeps, and its core is free for another run.
    passed = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
    passed.record(torch.cuda.current_stream(device))
    return passed
