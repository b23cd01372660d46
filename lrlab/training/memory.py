"""What a GPU's memory holds: after it ran out, the batch size that should fit, measured with a few small updates.

An update's memory grows in proportion to its images, beside what weights, gradients and the optimiser always take. Two
updates of few images tell both.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

import torch

from lrlab.errors import LabError
from lrlab.training.batches import EvalBatches

if TYPE_CHECKING:
    from lrlab.training.loop import Loop

T = TypeVar("T")

SMALL = (2, 6)
"""Images of the two updates that are measured; with one image, batch norm may have no spread to take."""

USABLE = 0.9
"""The share of the memory that is planned with: blocks of different sizes never fill it without gaps."""

LARGEST = 0.75
"""What should fit is at most this share of the batch that did not."""

_log = logging.getLogger(__name__)


class OutOfMemory(LabError):
    """The GPU's memory did not suffice. `fits`: the batch size that should fit, 0 where even the smallest does not."""

    def __init__(self, fits: int) -> None:
        super().__init__("the GPU ran out of memory")
        self.fits = fits


class Memory(Protocol):
    """The memory of a device, in bytes."""

    def peak(self, deed: Callable[[], None]) -> int:
        """The most that was taken at a time during `deed`. torch.OutOfMemoryError where there is too little."""

    def room(self) -> int:
        """What this process may take in all."""


class CudaMemory:
    """The memory of an NVIDIA GPU, in bytes."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def peak(self, deed: Callable[[], None]) -> int:
        gc.collect()  # what a failed update left may hold itself
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self._device)
        deed()
        torch.cuda.synchronize(self._device)
        return torch.cuda.max_memory_allocated(self._device)

    def room(self) -> int:
        torch.cuda.empty_cache()
        return int(torch.cuda.mem_get_info(self._device)[0]) + torch.cuda.memory_reserved(self._device)


def fitting_batch(memory: Memory, update: Callable[[int], None], batch_size: int) -> int:
    """The largest batch size below `batch_size` that should fit; 0 where the smallest does not.

    `update(n)` makes one update of n images.
    """
    few, more = SMALL
    try:
        peaks = {images: memory.peak(lambda images=images: update(images)) for images in SMALL}  # type: ignore[misc]
    except torch.OutOfMemoryError:
        return 0
    each = max(1.0, (peaks[more] - peaks[few]) / (more - few))
    always = peaks[few] - few * each
    room = memory.room()
    fits = int((USABLE * room - always) // each)
    _log.info("memory: %.2f GB in all, %.2f GB always, %.4f GB an image", room / 1e9, always / 1e9, each / 1e9)
    return max(0, min(fits, int(LARGEST * batch_size)))


def small_update(loop: Loop) -> Callable[[int], None]:
    """Makes an update of `loop`'s model with so many blank images. It spoils the model, whose run is over."""

    def update(images: int) -> None:
        loop.optimizer.zero_grad(set_to_none=True)
        side, device = loop.train.pictures.image_size, loop.device.device
        blank = torch.zeros(images, 3, side, side, device=device).to(memory_format=torch.channels_last)
        loop.model.train()
        with loop.device.autocast():
            loss = loop.update.loss(loop.model(blank), torch.zeros(images, dtype=torch.int64, device=device))
        torch.autograd.backward(loss)
        loop.update.gradient.treat()
        loop.optimizer.step()

    return update


def as_many_as_fit(batches: EvalBatches, deed: Callable[[EvalBatches], T]) -> T:
    """`deed(batches)`; wherever the memory of a GPU runs out, once more with half as many images at a time.

    Batches that only pass forward are made large by the number of pixels, whatever the model makes of one.
    """
    while True:
        try:
            return deed(batches)
        except torch.OutOfMemoryError:
            if batches.batch_size == 1:
                raise
        # Only here, where the error and all that its frames held are gone, is there room again.
        batches = replace(batches, batch_size=batches.batch_size // 2)
        _log.info("too many images at a time for the GPU's memory: now %d", batches.batch_size)


def divided(images: int, fits: int) -> tuple[int, int]:
    """A batch size of at most `fits`, and how many of them make an update of `images`; near to it where none divides
    it well."""
    divisors = [size for size in range(1, fits + 1) if images % size == 0]
    if divisors and 2 * divisors[-1] >= fits:
        return divisors[-1], images // divisors[-1]
    batches = -(-images // fits)
    return images // batches, batches
