"""The batch size that should fit, on a GPU whose memory is worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from lrlab.training.memory import SMALL, divided, fitting_batch


class Gpu:
    """Memory of which `always` is taken, and `each` for every image of an update."""

    def __init__(self, room: int, always: int, each: int) -> None:
        self._room, self._always, self._each = room, always, each
        self.images = 0

    def update(self, images: int) -> None:
        self.images = images

    def peak(self, deed: Callable[[], None]) -> int:
        deed()
        taken = self._always + self._each * self.images
        if taken > self._room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return taken

    def room(self) -> int:
        return self._room


GPUS = {
    # 90 % of 10,000 less 1,000 is 8,000.
    "80 images of 100": (10_000, 1_000, 100, 128, 80),
    "a fraction is left out": (10_000, 1_000, 300, 128, 26),
    "never as many as did not fit": (10_000, 1_000, 100, 64, 48),
    "two images do not fit": (1_000, 900, 100, 64, 0),
    "nothing is left to plan with": (1_000, 395, 100, 64, 5),
}


@pytest.mark.parametrize("case", GPUS)
def test_what_fits(case: str) -> None:
    room, always, each, batch_size, expected = GPUS[case]
    gpu = Gpu(room, always, each)
    assert fitting_batch(gpu, gpu.update, batch_size) == expected
    assert expected == 0 or gpu.images == SMALL[1]


@pytest.mark.parametrize(
    ("images", "fits", "expected"),
    [
        (64, 32, (32, 2)),
        (64, 31, (16, 4)),
        (96, 40, (32, 3)),
        (100, 30, (25, 4)),
        (97, 50, (48, 2)),  # a prime: 96 images are near
        (62, 30, (20, 3)),  # its divisors, 1, 2 and 31, waste too much
        (3, 1, (1, 3)),
    ],
)
def test_an_update_in_batches_that_fit(images: int, fits: int, expected: tuple[int, int]) -> None:
    assert divided(images, fits) == expected
    assert expected[0] <= fits
    assert images - expected[1] < expected[0] * expected[1] <= images
