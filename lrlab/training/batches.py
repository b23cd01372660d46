"""From the decoded cache to batches: a whole batch is cut, changed and normalised at once, no image decoded again.

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

from lrlab.datasets import Progress
from lrlab.experiments import Augment
from lrlab.training import augment as changes
from lrlab.training.draws import Boxes, draw
from lrlab.training.normalization import CENTRED, Normalization, Normalizer
from lrlab.training.sending import SideStream, ahead, sent

DEFAULT = Augment()

RAM_SHARE = 0.25
"""A cache up to this share of the free memory is read into it whole; a larger one stays mapped from the disk."""

GPU_SHARE = 0.3
"""A cache up to this share of the GPU's free memory lies there; batches of a larger one are cropped on the CPU."""

READ_AT_ONCE = 1 << 26
"""Bytes of the cache that are read into the memory at a time."""

EVAL_PIXELS = {"cpu": 1 << 20, "cuda": 1 << 24, "mps": 1 << 22}
"""About how many pixels a batch holds that only passes forward: 256 pictures of 64 px on a CPU."""

Batch = tuple[Tensor, Tensor]
"""Images, float32 of shape (B, 3, S, S), channels last, normalised; labels, int64 of shape (B,), or, where images are
mixed, the share of each class, float32 of shape (B, classes). On the device."""


class Pictures:
    """The decoded images of a data set and their labels, where they are quickest to reach.

    `images`: uint8 of shape (N, P, P, 3), as `decoded` gives them; `labels`: int64 of shape (N,).
    """

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        image_size: int,
        device: torch.device,
        normalization: Normalization = CENTRED,
        progress: Progress = lambda what, done, total: None,
    ) -> None:
        self.device = device
        self.image_size = image_size
        self.side = images.shape[1]
        self.room = self.side - image_size
        """A crop's corner lies at 0 to `room` (included), from the top and from the left."""
        self.classes = int(labels.max(initial=0)) + 1
        self.home = device if _fits_gpu(images.nbytes, device) else torch.device("cpu")
        """The device where the images lie and where they are cut."""
        loaded = images.nbytes <= _ram_allowed()
        self._pixels = (_loaded(images, progress) if loaded else _mapped(images)).to(self.home)
        self.placement = "device" if self.home.type != "cpu" else "memory" if loaded else "disk"
        """Where the decoded images lie: "device", "memory", or "disk", from which they are mapped."""
        # Every crop of every image as a view, (N, room + 1, room + 1, S, S, 3): to crop a batch is to index it once.
        self._crops = self._pixels.unfold(1, image_size, 1).unfold(2, image_size, 1).permute(0, 1, 2, 4, 5, 3)
        self._labels = torch.tensor(labels).to(self.home)
        self.normalization = normalization
        self.normalizer = Normalizer(normalization, image_size, device)

    def random(self, rows: Tensor, tops: Tensor, lefts: Tensor, flips: Tensor) -> Batch:
        """The images `rows`, each cropped at its corner and, where `flips`, mirrored left to right; normalised.

        All of shape (B,), on `home`; `rows`, `tops` and `lefts` int64, `flips` bool.
        """
        return self._ready(_mirrored(self._crops[rows, tops, lefts], flips, 2), self._labels[rows])

    def centre(self, rows: Tensor) -> Batch:
        """The images `rows` (int64 of shape (B,), on `home`), each cropped in its middle; normalised."""
        corner = self.room // 2
        return self._ready(self._crops[:, corner, corner][rows], self._labels[rows])

    def crops(self, rows: Tensor, tops: Tensor, lefts: Tensor, across: Tensor, down: Tensor | None) -> Batch:
        """As `random`, as bytes of shape (B, S, S, 3) on the device; where `down`, mirrored top to bottom as well."""
        pixels = _mirrored(self._crops[rows, tops, lefts], across, 2)
        return self._sent(pixels if down is None else _mirrored(pixels, down, 1), self._labels[rows])

    def squares(self, rows: Tensor) -> Batch:
        """The images `rows` whole, as bytes of shape (B, P, P, 3), and their labels; on the device."""
        return self._sent(self._pixels[rows], self._labels[rows])

    def _ready(self, pixels: Tensor, labels: Tensor) -> Batch:
        pixels, labels = self._sent(pixels, labels)
        return self.normalizer.of_bytes(pixels), labels

    def _sent(self, pixels: Tensor, labels: Tensor) -> Batch:
        return sent(pixels, self.device), sent(labels, self.device)

    def brought(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """`batches` made of these images; where each must be sent to a GPU, it is while the one before is worked on."""
        if self.device.type != "cuda" or self.home.type == "cuda":
            return batches
        return ahead(batches, SideStream(self.device))


@dataclass(frozen=True)
class TrainBatches:
    """The training images `rows`, in a new order and changed anew each epoch; the last short batch is left out.

    What a batch brings depends on `seed`, the epoch's number and its own alone, never on what was trained before.
    """

    pictures: Pictures
    rows: NDArray[np.int64]
    batch_size: int
    seed: int
    augment: Augment = DEFAULT

    def __len__(self) -> int:
        """Batches of an epoch."""
        return len(self.rows) // self.batch_size

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of epoch `number`, from batch `start` on; both count from 0."""
        yield from self.pictures.brought(self._made(number, start))

    def _made(self, number: int, start: int) -> Iterator[Batch]:
        cuts = self.cuts(number)
        there = cuts.to(self.pictures.home)
        for index in range(start, len(self)):
            yield self.batch(cuts.of(index, self.batch_size), number, index, there.of(index, self.batch_size))

    def cuts(self, number: int) -> Cuts:
        """The images of epoch `number` in their order, with their cuts; on the CPU."""
        count = len(self) * self.batch_size
        # Drawn on the CPU for the whole epoch: the same images, crops and flips on every device.
        generator = torch.Generator().manual_seed(_mixed(self.seed, number))
        order = torch.tensor(self.rows)[torch.randperm(len(self.rows), generator=generator)[:count]]
        corners = torch.randint(self.pictures.room + 1, (2, count), generator=generator)
        flips = torch.rand(count, generator=generator) < self.augment.horizontal_flip
        if self.augment.crop != "shift":
            corners = torch.full_like(corners, self.pictures.room // 2)
        return Cuts(order, corners[0], corners[1], flips)

    def batch(self, cuts: Cuts, epoch: int, index: int, there: Cuts | None = None) -> Batch:
        """The images that `cuts` names, changed as batch `index` of epoch `epoch` is. `there`: `cuts`, where they were
        put on the images' home before."""
        augment, pictures = self.augment, self.pictures
        there = there or cuts.to(pictures.home)
        if changes.is_plain(augment):
            return pictures.random(there.rows, there.tops, there.lefts, there.flips)
        drawn = draw(augment, len(cuts.rows), pictures.image_size, self.seed, epoch, index)
        if changes.resamples(augment):
            pixels, labels = pictures.squares(there.rows)
            boxes = drawn.parts or cuts.boxes(pictures.image_size, pictures.side)
            across, down = (np.where(flips, -1.0, 1.0) for flips in (cuts.flips.numpy(), drawn.flips))
            maps = changes.maps(boxes, drawn.turns, across, down)
            shares = changes.resampled(pixels, sent(maps, pixels.device), pictures.image_size)
            images = pictures.normalizer.of_shares(changes.coloured(shares, drawn))
        else:
            turned = sent(drawn.flips, pictures.home) if drawn.flips.any() else None
            pixels, labels = pictures.crops(there.rows, there.tops, there.lefts, there.flips, turned)
            if drawn.colours:
                images = pictures.normalizer.of_shares(changes.coloured(changes.shares(pixels), drawn))
            else:
                images = pictures.normalizer.of_bytes(pixels)
        if drawn.erased:
            images = changes.erased(images, drawn.erased)
        if augment.mixup or augment.cutmix:
            return changes.mixed(images, labels, pictures.classes, drawn.mix)
        return images, labels


@dataclass(frozen=True)
class Cuts:
    """Which images, where each is cut out of its square, and whether it is mirrored left to right; of shape (B,)."""

    rows: Tensor
    tops: Tensor
    lefts: Tensor
    flips: Tensor

    def to(self, device: torch.device) -> Cuts:
        return Cuts(*(sent(one, device) for one in (self.rows, self.tops, self.lefts, self.flips)))

    def of(self, index: int, count: int) -> Cuts:
        """The `index`-th batch of `count` images."""
        part = slice(index * count, (index + 1) * count)
        return Cuts(self.rows[part], self.tops[part], self.lefts[part], self.flips[part])

    def boxes(self, image_size: int, side: int) -> Boxes:
        """The cuts, which are on the CPU, as shares of the square's side."""
        left, top = (corner.numpy() / side for corner in (self.lefts, self.tops))
        sides = np.full(len(left), image_size / side)
        return Boxes(left, top, sides, sides)


@dataclass(frozen=True)
class EvalBatches:
    """The images `rows`, each once, in order, cropped in the middle; the last batch may be short."""

    pictures: Pictures
    rows: NDArray[np.int64]
    batch_size: int

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return self.pictures.brought(self._made())

    def _made(self) -> Iterator[Batch]:
        rows = sent(torch.tensor(self.rows), self.pictures.home)
        for start in range(0, len(rows), self.batch_size):
            yield self.pictures.centre(rows[start : start + self.batch_size])


def eval_batch_size(batch_size: int, image_size: int, device: torch.device) -> int:
    """How many images pass forward at a time where nothing is trained; never fewer than are trained at a time."""
    return max(batch_size, EVAL_PIXELS.get(device.type, EVAL_PIXELS["cpu"]) // image_size**2)


def _mixed(seed: int, number: int) -> int:
    """One seed out of two, so that epoch 1 of seed 0 and epoch 0 of seed 1 have nothing in common."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0])


def _mirrored(pixels: Tensor, which: Tensor, dim: int) -> Tensor:
    """`pixels`, uint8 of shape (B, S, S, 3), those of `which` turned over along `dim`; on a CPU in place."""
    if pixels.device.type != "cpu":
        return torch.where(which[:, None, None, None], pixels.flip(dim), pixels)
    for row in which.nonzero()[:, 0].tolist():  # torch.where takes more time than all the rest of a batch
        pixels[row] = pixels[row].flip(dim - 1)
    return pixels


def _fits_gpu(size: int, device: torch.device) -> bool:
    # On Apple's GPUs the memory is the CPU's own, and indexing there is no faster.
    return device.type == "cuda" and size <= GPU_SHARE * torch.cuda.mem_get_info(device)[0]


def _ram_allowed() -> float:
    return RAM_SHARE * float(psutil.virtual_memory().available)


def _loaded(images: NDArray[np.uint8], progress: Progress) -> Tensor:
    loaded = np.empty(images.shape, np.uint8)
    together = max(1, READ_AT_ONCE // max(1, images[:1].nbytes))
    for start in range(0, len(images), together):
        loaded[start : start + together] = images[start : start + together]
        progress("reading the images", min(start + together, len(images)), len(images))
    return torch.from_numpy(loaded)


def _mapped(images: NDArray[np.uint8]) -> Tensor:
    # torch takes only writable memory without a warning. Mapped copy-on-write it is that, and the file stays as it is.
    if not isinstance(images, np.memmap):
        return torch.from_numpy(images)
    return torch.from_numpy(np.memmap(str(images.filename), np.uint8, "c", offset=images.offset, shape=images.shape))
