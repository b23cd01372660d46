"""From the host to an accelerator without waiting for it: small arrays in a step, and whole batches one ahead.

A copy to an NVIDIA GPU lets the CPU go on only where it starts from pinned memory; every other one waits until all
that was asked of the GPU before is done. So nothing in a step goes there but through `sent`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BEFOREHAND = 2
"""So many batches at most are asked of the GPU before it has begun with them: their memory is taken until then."""

Made = TypeVar("Made", bound=tuple[Tensor, ...])


def sent(values: NDArray[Any] | Tensor, device: torch.device) -> Tensor:
    """`values`, which lie on the host or on `device`, as a tensor on `device`."""
    tensor = torch.from_numpy(values) if isinstance(values, np.ndarray) else values
    if device.type != "cuda" or tensor.device.type == "cuda":
        return tensor.to(device)
    return pinned(tensor).to(device, non_blocking=True)


def pinned(tensor: Tensor) -> Tensor:
    """`tensor` in memory that the GPU reads by itself."""
    return tensor.pin_memory()


class Lane(Protocol):
    """Where batches are made beside those that are worked on, and the order between the two."""

    def made(self, batches: Iterator[Made]) -> Made | None:
        """The next of `batches`, whose making may still be under way; None after the last."""

    def handed(self, batch: Made) -> Made:
        """`batch`, the oldest that was made and not handed over; what is asked of the GPU from now on may read it."""

    def worked(self) -> None:
        """All that the last batch was wanted for was asked of the GPU."""


def ahead(batches: Iterator[Made], lane: Lane) -> Iterator[Made]:
    """The same batches in the same order, each of them made in `lane` while the one before is worked on.

    What is raised while a batch is made is raised here, when the one before it is asked for.
    """
    upcoming = lane.made(batches)
    while upcoming is not None:
        present, upcoming = upcoming, lane.made(batches)
        yield lane.handed(present)
        lane.worked()


class SideStream:
    """A lane of an NVIDIA GPU: a stream whose copies and changes go on while the device's present stream trains."""

    def __init__(self, device: torch.device) -> None:
        self._main = torch.cuda.current_stream(device)
        self._side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._side.wait_stream(self._main)  # there the images and their statistics were put on the device
        self._ready: deque[torch.cuda.Event] = deque()
        self._worked: deque[torch.cuda.Event] = deque()

    def made(self, batches: Iterator[Made]) -> Made | None:
        with torch.cuda.stream(self._side):
            batch = next(batches, None)
            if batch is not None:
                self._ready.append(self._side.record_event())
            return batch

    def handed(self, batch: Made) -> Made:
        self._main.wait_event(self._ready.popleft())
        for tensor in batch:
            tensor.record_stream(self._main)  # else its memory were free for the next batch once Python forgets it
        return batch

    def worked(self) -> None:
        # The CPU asks much faster than a large network works. Unchecked it would fill the memory with batches.
        worked = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        worked.record(self._main)
        self._worked.append(worked)
        if len(self._worked) > BEFOREHAND:
            self._worked.popleft().synchronize()
