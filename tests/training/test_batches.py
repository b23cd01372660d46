"""Crops, flips and order worked by hand, on pictures whose pixels say where they are."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lrlab.experiments import Augment
from lrlab.training import batches
from lrlab.training.batches import EvalBatches, Pictures, TrainBatches, eval_batch_size
from lrlab.training.normalization import IMAGENET

CPU = torch.device("cpu")
N, P, S = 30, 7, 4


def coordinates() -> np.ndarray:
    """N pictures of P x P pixels: red is the picture's number, green the pixel's row, blue its column."""
    picture, row, column = np.meshgrid(np.arange(N), np.arange(P), np.arange(P), indexing="ij")
    return np.stack([picture, row, column], axis=-1).astype(np.uint8)


LABELS = np.arange(N, dtype=np.int64) * 100


@pytest.fixture
def pictures() -> Pictures:
    return Pictures(coordinates(), LABELS, S, CPU)


def pixels(images: torch.Tensor) -> np.ndarray:
    """Normalised images (B, 3, S, S) as the bytes (B, S, S, 3) that they were: (value / 255 - 0.5) / 0.25, undone."""
    values = (images.numpy().astype(np.float64) * 0.25 + 0.5) * 255
    assert np.abs(values - values.round()).max() < 1e-4
    return values.round().astype(np.int64).transpose(0, 2, 3, 1)


CROPS = {
    "the first corner": ((3, 0, 0, False), [0, 1, 2, 3], [0, 1, 2, 3]),
    "the last corner": ((3, 3, 3, False), [3, 4, 5, 6], [3, 4, 5, 6]),
    "top and left differ": ((5, 1, 2, False), [1, 2, 3, 4], [2, 3, 4, 5]),
    "mirrored left to right, not top to bottom": ((29, 1, 2, True), [1, 2, 3, 4], [5, 4, 3, 2]),
}


def test_each_image_of_a_batch_has_its_own_crop_and_flip(pictures: Pictures) -> None:
    rows, tops, lefts, flips = (
        torch.tensor(values) for values in zip(*(case[0] for case in CROPS.values()), strict=True)
    )
    images, labels = pictures.random(rows, tops, lefts, flips)
    assert labels.tolist() == [300, 300, 500, 2900]
    for name, image, ((row, *_), down, across) in zip(CROPS, pixels(images), CROPS.values(), strict=True):
        assert (image[:, :, 0] == row).all(), name
        assert (image[:, :, 1] == np.array(down)[:, None]).all(), name
        assert (image[:, :, 2] == np.array(across)[None, :]).all(), name


def test_the_middle_is_what_lies_between_equal_margins(pictures: Pictures) -> None:
    images, labels = pictures.centre(torch.tensor([7, 2]))
    assert labels.tolist() == [700, 200]
    # 3 pixels to spare: 1 before, 2 behind.
    assert (pixels(images)[:, :, 0, 1] == [1, 2, 3, 4]).all()
    assert (pixels(images)[:, 0, :, 2] == [1, 2, 3, 4]).all()


def test_batches_are_normalised_floats_channels_last() -> None:
    greys = np.array([0, 51, 255], np.uint8)
    images, labels = Pictures(
        np.broadcast_to(greys[:, None, None, None], (3, P, P, 3)).copy(), LABELS[:3], S, CPU
    ).centre(torch.arange(3))
    assert images.shape == (3, 3, S, S)
    assert images.dtype == torch.float32
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert labels.dtype == torch.int64
    expected = torch.tensor([-2.0, -1.2, 2.0])  # 51 is a fifth of 255: (0.2 - 0.5) / 0.25
    assert torch.allclose(images, expected[:, None, None, None].expand(3, 3, S, S))


def seen(train: TrainBatches, epoch: int) -> np.ndarray:
    """What an epoch brings, one line an image: its number, and the row and column of its first pixel."""
    return np.concatenate([pixels(images)[:, 0, 0] for images, _ in train.epoch(epoch)])


def test_an_epoch_brings_each_image_once_and_leaves_the_last_short_batch_out(pictures: Pictures) -> None:
    rows = np.arange(1, N, 2)  # 15 images
    train = TrainBatches(pictures, rows, batch_size=4, seed=0)
    assert len(train) == 3
    sizes = [len(labels) for _, labels in train.epoch(0)]
    assert sizes == [4, 4, 4]
    brought = seen(train, 0)[:, 0]
    assert len(set(brought)) == 12
    assert set(brought) < set(rows)
    left_out = {frozenset(set(rows) - set(seen(train, epoch)[:, 0])) for epoch in range(5)}
    assert len(left_out) > 1  # not the same ones every time


def test_labels_stay_with_their_images(pictures: Pictures) -> None:
    train = TrainBatches(pictures, np.arange(N), batch_size=8, seed=3)
    for images, labels in train.epoch(2):
        assert (pixels(images)[:, 0, 0, 0] * 100 == labels.numpy()).all()


def test_an_epoch_depends_on_seed_and_number_alone(pictures: Pictures) -> None:
    def epoch(seed: int, number: int) -> bytes:
        return seen(TrainBatches(pictures, np.arange(N), 8, seed), number).tobytes()

    train = TrainBatches(pictures, np.arange(N), 8, seed=1)
    next(iter(train.epoch(0)))
    torch.rand(5)
    assert seen(train, 1).tobytes() == epoch(1, 1)
    assert len({epoch(seed, number) for seed in range(3) for number in range(3)}) == 9


EVERYTHING = {
    "crop": "resized", "rotation": 20, "vertical_flip": 0.5, "brightness": 0.3, "contrast": 0.3, "saturation": 0.3,
    "hue": 0.1, "erasing": 0.5, "mixup": 1.0, "cutmix": 1.0,
}  # fmt: skip

AUGMENTS: dict[str, dict[str, Any]] = {
    "default": {},
    "none": {"crop": "none", "horizontal_flip": 0},
    "resized": {"crop": "resized", "scale": 0.3},
    "rotation": {"rotation": 30},
    "upside down": {"vertical_flip": 0.5},
    "brightness": {"brightness": 0.5},
    "contrast": {"contrast": 0.5},
    "saturation": {"saturation": 0.5},
    "hue": {"hue": 0.3},
    "erasing": {"erasing": 0.8},
    "mixup": {"mixup": 0.5},
    "cutmix": {"cutmix": 1.0},
    "everything": EVERYTHING,
}


def photographs() -> np.ndarray:
    """N pictures of 18 px, with all colours."""
    return np.random.default_rng(0).integers(0, 256, (N, 18, 18, 3), dtype=np.uint8)


def train_batches(seed: int = 1, **settings: Any) -> TrainBatches:
    """Of four classes and 16 px, eight at a time."""
    pictures = Pictures(photographs(), np.arange(N, dtype=np.int64) % 4, 16, CPU, IMAGENET)
    return TrainBatches(pictures, np.arange(N), 8, seed, Augment(**settings))


@pytest.mark.parametrize("name", AUGMENTS)
def test_every_augmentation_gives_batches_as_the_model_wants_them(name: str) -> None:
    settings = AUGMENTS[name]
    found = list(train_batches(**settings).epoch(0))
    assert len(found) == 3
    for images, targets in found:
        assert images.shape == (8, 3, 16, 16)
        assert images.dtype == torch.float32
        assert images.is_contiguous(memory_format=torch.channels_last)
        # Of (value / 255 - mean) / std: blotted out is 0, which is within.
        low, high = ((edge - np.array(IMAGENET.mean)) / np.array(IMAGENET.std) for edge in (0, 1))
        values = images.numpy().transpose(0, 2, 3, 1)
        assert (values >= low - 1e-5).all() and (values <= high + 1e-5).all()
        if "mixup" in settings or "cutmix" in settings:
            assert (targets.shape, targets.dtype) == ((8, 4), torch.float32)
            assert torch.allclose(targets.sum(1), torch.ones(8), rtol=0, atol=1e-6)
        else:
            assert (targets.shape, targets.dtype) == ((8,), torch.int64)


def test_every_augmentation_changes_what_the_default_brings() -> None:
    brought = {
        name: next(train_batches(**settings).epoch(0))[0].numpy().tobytes() for name, settings in AUGMENTS.items()
    }
    assert len(set(brought.values())) == len(AUGMENTS)


@pytest.mark.parametrize("name", AUGMENTS)
def test_an_epoch_begun_in_its_midst_brings_the_rest_of_it(name: str) -> None:
    settings = AUGMENTS[name]
    whole = list(train_batches(**settings).epoch(5))
    for start in range(4):
        torch.manual_seed(start)  # the generators that others use decide nothing
        np.random.seed(start)
        rest = list(train_batches(**settings).epoch(5, start))
        assert len(rest) == 3 - start
        for (images, targets), (same, same_targets) in zip(rest, whole[start:], strict=True):
            assert torch.equal(images, same) and torch.equal(targets, same_targets)


@pytest.mark.parametrize("name", ["default", "everything"])
def test_what_a_batch_brings_depends_on_seed_epoch_and_index_alone(name: str) -> None:
    def brought(seed: int, epoch: int) -> list[bytes]:
        return [images.numpy().tobytes() for images, _ in train_batches(seed, **AUGMENTS[name]).epoch(epoch)]

    state = torch.get_rng_state()
    found = [batch for seed in range(3) for epoch in range(3) for batch in brought(seed, epoch)]
    assert len(set(found)) == len(found) == 27
    assert brought(1, 2) == brought(1, 2)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_default_is_what_it_has_been_from_the_first() -> None:
    """Step by step: one generator an epoch gives order, corners and flips, and bytes become floats in one go."""
    pixels, labels = photographs(), np.arange(N) % 4
    pictures = Pictures(pixels, labels, 16, CPU)
    found = list(TrainBatches(pictures, np.arange(3, N), 8, seed=6).epoch(4))
    seed = int(np.random.SeedSequence([6, 4]).generate_state(1, np.uint64)[0])
    generator = torch.Generator().manual_seed(seed)
    order = torch.arange(3, N)[torch.randperm(N - 3, generator=generator)[:24]]
    corners = torch.randint(3, (2, 24), generator=generator)
    flips = torch.rand(24, generator=generator) < 0.5
    for index, (images, targets) in enumerate(found):
        for place in range(8):
            one = 8 * index + place
            row, (top, left) = order[one], corners[:, one]
            cut = torch.from_numpy(pixels)[row, top : top + 16, left : left + 16].float()
            cut = cut.flip(1) if flips[one] else cut
            assert torch.equal(images[place], ((cut - 127.5) / 63.75).permute(2, 0, 1))
            assert targets[place] == row % 4


@pytest.mark.parametrize("crop", ["none", "shift"])
def test_a_rotation_by_next_to_nothing_is_none(crop: str) -> None:
    """Interpolated and cut: two ways to the same picture."""
    cut = list(train_batches(crop=crop, vertical_flip=0.5).epoch(0))
    turned = list(train_batches(crop=crop, vertical_flip=0.5, rotation=1e-6).epoch(0))
    for (images, labels), (same, same_labels) in zip(cut, turned, strict=True):
        assert torch.allclose(images, same, rtol=0, atol=1e-4)
        assert torch.equal(labels, same_labels)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_as_many_are_mirrored_as_were_asked_for(pictures: Pictures, share: float) -> None:
    train = TrainBatches(pictures, np.arange(N), N, 0, Augment(horizontal_flip=share))
    flipped = np.concatenate(
        [
            pixels(images)[:, 0, 0, 2] > pixels(images)[:, 0, 1, 2]
            for number in range(50)
            for images, _ in train.epoch(number)
        ]
    )
    assert abs(flipped.mean() - share) <= 4 * np.sqrt(share * (1 - share) / len(flipped))


def test_without_a_crop_the_middle_is_seen(pictures: Pictures) -> None:
    train = TrainBatches(pictures, np.arange(N), N, 0, Augment(crop="none", horizontal_flip=0))
    images, labels = next(train.epoch(0))
    middle, same = pictures.centre(labels // 100)
    assert torch.equal(images, middle) and torch.equal(labels, same)


def test_mixed_targets_hold_the_shares_of_the_images_own_labels() -> None:
    plain = [labels for _, labels in train_batches().epoch(0)]
    mixed = [targets for _, targets in train_batches(mixup=1.0).epoch(0)]
    for labels, targets in zip(plain, mixed, strict=True):
        drawn = {round(float(targets[row, label]), 6) for row, label in enumerate(labels) if label != labels[row - 1]}
        assert len(drawn) == 1  # one share for the whole batch
        share = drawn.pop()
        for row, label in enumerate(labels):
            other = labels[row - 1]
            assert targets[row, other] == pytest.approx(1.0 if other == label else 1 - share, abs=1e-5)


def test_every_crop_and_both_sides_come_up_evenly(pictures: Pictures) -> None:
    train = TrainBatches(pictures, np.arange(N), N, seed=0)
    counts = np.zeros((2, P - S + 1, P - S + 1), int)
    for number in range(100):
        for images, _ in train.epoch(number):
            values = pixels(images)
            flipped = values[:, 0, 0, 2] > values[:, 0, 1, 2]
            np.add.at(counts, (flipped.astype(int), values[:, 0, 0, 1], values[:, 0, :, 2].min(axis=1)), 1)
    assert counts.sum() == 100 * N
    # 3,000 draws over 32 outcomes: 94 each, with a standard deviation of 10.
    assert counts.min() > 45
    assert counts.max() < 145


def test_validation_brings_all_images_in_order(pictures: Pictures) -> None:
    rows = np.array([4, 9, 2, 7, 11])
    brought = [
        (pixels(images)[:, 0, 0, 0].tolist(), labels.tolist()) for images, labels in EvalBatches(pictures, rows, 2)
    ]
    assert brought == [([4, 9], [400, 900]), ([2, 7], [200, 700]), ([11], [1100])]
    assert len(EvalBatches(pictures, rows, 2)) == 3


def test_a_cache_too_large_for_memory_is_read_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "cache.npy", coordinates())
    content = (tmp_path / "cache.npy").read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = Pictures(np.load(tmp_path / "cache.npy", mmap_mode="r"), LABELS, S, CPU)
        monkeypatch.setattr(batches, "RAM_SHARE", 0.0)
        monkeypatch.setattr(batches, "_loaded", lambda images: pytest.fail("read whole"))
        mapped = Pictures(np.load(tmp_path / "cache.npy", mmap_mode="r"), LABELS, S, CPU)
    for number in range(2):
        there = TrainBatches(loaded, np.arange(N), 8, 0), TrainBatches(mapped, np.arange(N), 8, 0)
        assert (seen(there[0], number) == seen(there[1], number)).all()
    assert (loaded.placement, mapped.placement) == ("memory", "disk")
    assert (tmp_path / "cache.npy").read_bytes() == content


def test_a_cache_is_read_piece_by_piece_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    images = coordinates()
    monkeypatch.setattr(batches, "READ_AT_ONCE", 7 * images[0].nbytes)
    said: list[tuple[int, int]] = []
    made = Pictures(images, LABELS, S, CPU, progress=lambda what, done, total: said.append((done, total)))
    whole = len(images)
    assert said == [(min(done, whole), whole) for done in range(7, whole + 7, 7)]
    assert np.array_equal(made.squares(torch.arange(whole))[0].numpy(), images)


def test_another_device_is_sent_bytes_and_makes_floats_of_them() -> None:
    elsewhere = torch.device("meta")  # has shapes and places, and no values
    train = TrainBatches(Pictures(coordinates(), LABELS, S, elsewhere), np.arange(N), 8, seed=0)
    assert train.pictures.home == CPU
    images, labels = next(train.epoch(0))
    assert (images.device, labels.device) == (elsewhere, elsewhere)
    assert (images.shape, images.dtype) == ((8, 3, S, S), torch.float32)
    assert images.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("batch_size", "image_size", "expected"), [(32, 64, 256), (32, 512, 32), (300, 64, 300), (1, 256, 16)]
)
def test_forward_passes_take_more_images_at_a_time(batch_size: int, image_size: int, expected: int) -> None:
    assert eval_batch_size(batch_size, image_size, CPU) == expected
