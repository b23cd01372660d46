"""The batch size that should fit, on a GPU whose memory is worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from lrlab.training.batches import EvalBatches, Pictures
from lrlab.training.memory import SMALL, as_many_as_fit, divided, fitting_batch


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


def passed_forward(room: int) -> list[int]:
    """The batch sizes that were tried until `room` images at a time were no more than fit."""
    images, labels = np.zeros((10, 4, 4, 3), np.uint8), np.zeros(10, np.int64)
    batches = EvalBatches(Pictures(images, labels, 4, torch.device("cpu")), np.arange(10), 10)
    tried: list[int] = []

    def deed(batches: EvalBatches) -> int:
        tried.append(batches.batch_size)
        if batches.batch_size > room:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return sum(len(labels) for _, labels in batches)

    assert as_many_as_fit(batches, deed) == 10
    return tried


@pytest.mark.parametrize(("room", "expected"), [(10, [10]), (9, [10, 5]), (2, [10, 5, 2]), (1, [10, 5, 2, 1])])
def test_a_forward_pass_takes_as_many_images_as_fit(room: int, expected: list[int]) -> None:
    assert passed_forward(room) == expected


def test_where_not_one_image_fits_the_error_is_told() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        passed_forward(0)
