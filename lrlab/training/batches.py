"""From the decoded cache to batches: random crops and flips of a whole batch at once, and never an image decoded again.

N images of the data set, B of a batch, P side of the cached squares, S side that the model sees, in pixels.
No data loader's processes: assembling a batch is a handful of tensor operations, some 4 % of a CPU step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

MEAN, STD = 0.5, 0.25
"""Normalisation of every channel: (value / 255 - MEAN) / STD. Pictures come to about zero mean and unit spread, all
values lie in [-2, 2]."""

RAM_SHARE = 0.25
"""A cache up to this share of the free memory is read into it whole; a larger one stays mapped from the disk."""

GPU_SHARE = 0.3
"""A cache up to this share of the GPU's free memory lies there; batches of a larger one are cropped on the CPU."""

EVAL_PIXELS = {"cpu": 1 << 20, "cuda": 1 << 24, "mps": 1 << 22}
"""About how many pixels a batch holds that only passes forward: 256 pictures of 64 px on a CPU."""

Batch = tuple[Tensor, Tensor]
"""Images, float32 of shape (B, 3, S, S), channels last, normalised; labels, int64 of shape (B,). On the device."""


class Pictures:
    """The decoded images of a data set and their labels, where they are quickest to reach.

    `images`: uint8 of shape (N, P, P, 3), as `decoded` gives them; `labels`: int64 of shape (N,).
    """

    def __init__(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64], image_size: int, device: torch.device
    ) -> None:
        self.device = device
        self.image_size = image_size
        self.room = images.shape[1] - image_size
        """A crop's corner lies at 0 to `room` (included), from the top and from the left."""
        self.home = device if _fits_gpu(images.nbytes, device) else torch.device("cpu")
        """The device where the images lie and where they are cropped."""
        pixels = (_loaded(images) if images.nbytes <= _ram_allowed() else _mapped(images)).to(self.home)
        # Every crop of every image as a view, (N, room + 1, room + 1, S, S, 3): to crop a batch is to index it once.
        self._crops = pixels.unfold(1, image_size, 1).unfold(2, image_size, 1).permute(0, 1, 2, 4, 5, 3)
        self._labels = torch.tensor(labels).to(self.home)

    def random(self, rows: Tensor, tops: Tensor, lefts: Tensor, flips: Tensor) -> Batch:
        """The images `rows`, each cropped at its corner and, where `flips`, mirrored left to right.

        All of shape (B,), on `home`; `rows`, `tops` and `lefts` int64, `flips` bool.
        """
        pixels = self._crops[rows, tops, lefts]  # (B, S, S, 3)
        pixels = torch.where(flips[:, None, None, None], pixels.flip(2), pixels)
        return self._ready(pixels, self._labels[rows])

    def centre(self, rows: Tensor) -> Batch:
        """The images `rows` (int64 of shape (B,), on `home`), each cropped in its middle."""
        corner = self.room // 2
        return self._ready(self._crops[:, corner, corner][rows], self._labels[rows])

    def _ready(self, pixels: Tensor, labels: Tensor) -> Batch:
        if self.home != self.device:
            if self.device.type == "cuda":  # a copy from pinned memory goes on while the next batch is cropped
                pixels, labels = pixels.pin_memory(), labels.pin_memory()
            pixels = pixels.to(self.device, non_blocking=True)
            labels = labels.to(self.device, non_blocking=True)
        # (B, S, S, 3) in memory is (B, 3, S, S) channels last.
        images = pixels.permute(0, 3, 1, 2).to(torch.float32)
        return images.sub_(255 * MEAN).div_(255 * STD), labels


@dataclass(frozen=True)
class TrainBatches:
    """The training images `rows`, in a new order with new crops and flips each epoch; the last short batch is left out.

    What an epoch brings depends on `seed` and its number alone, never on what was trained before.
    """

    pictures: Pictures
    rows: NDArray[np.int64]
    batch_size: int
    seed: int

    def __len__(self) -> int:
        """Batches of an epoch, which are its optimiser updates."""
        return len(self.rows) // self.batch_size

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of epoch `number` (from 0)."""
        count, home = len(self) * self.batch_size, self.pictures.home
        # Drawn on the CPU for the whole epoch: the same images, crops and flips on every device.
        generator = torch.Generator().manual_seed(_mixed(self.seed, number))
        order = torch.tensor(self.rows)[torch.randperm(len(self.rows), generator=generator)[:count]].to(home)
        corners = torch.randint(self.pictures.room + 1, (2, count), generator=generator).to(home)
        flips = (torch.rand(count, generator=generator) < 0.5).to(home)
        for start in range(0, count, self.batch_size):
            part = slice(start, start + self.batch_size)
            yield self.pictures.random(order[part], corners[0, part], corners[1, part], flips[part])


@dataclass(frozen=True)
class EvalBatches:
    """The images `rows`, each once, in order, cropped in the middle; the last batch may be short."""

    pictures: Pictures
    rows: NDArray[np.int64]
    batch_size: int

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        rows = torch.tensor(self.rows).to(self.pictures.home)
        for start in range(0, len(rows), self.batch_size):
            yield self.pictures.centre(rows[start : start + self.batch_size])


def eval_batch_size(batch_size: int, image_size: int, device: torch.device) -> int:
    """How many images pass forward at a time where nothing is trained; never fewer than are trained at a time."""
    return max(batch_size, EVAL_PIXELS.get(device.type, EVAL_PIXELS["cpu"]) // image_size**2)


def _mixed(seed: int, number: int) -> int:
    """One seed out of two, so that epoch 1 of seed 0 and epoch 0 of seed 1 have nothing in common."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0])


def _fits_gpu(size: int, device: torch.device) -> bool:
    # On Apple's GPUs the memory is the CPU's own, and indexing there is no faster.
    return device.type == "cuda" and size <= GPU_SHARE * torch.cuda.mem_get_info(device)[0]


def _ram_allowed() -> float:
    return RAM_SHARE * float(psutil.virtual_memory().available)


def _loaded(images: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.array(images))


def _mapped(images: NDArray[np.uint8]) -> Tensor:
    # torch takes only writable memory without a warning. Mapped copy-on-write it is that, and the file stays as it is.
    if not isinstance(images, np.memmap):
        return torch.from_numpy(images)
    return torch.from_numpy(np.memmap(str(images.filename), np.uint8, "c", offset=images.offset, shape=images.shape))
