"""What is done to a batch, against torchvision where it defines the same, and worked out by hand elsewhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as oracle

from lrlab.training import colour
from lrlab.training.augment import blotted, coloured, erased, maps, masked, mixed, resampled, shares
from lrlab.training.draws import Boxes, Draws, Mix

SIDE = 24


@pytest.fixture
def bytes_() -> torch.Tensor:
    """Six pictures of noise, uint8 of shape (6, SIDE, SIDE, 3); one of few levels, one grey, one of a single colour."""
    generator = torch.Generator().manual_seed(3)
    pictures = torch.randint(0, 256, (6, SIDE, SIDE, 3), generator=generator, dtype=torch.uint8)
    pictures[1] = pictures[1] // 128 * 127
    pictures[2] = pictures[2, :, :, :1]
    pictures[3] = torch.tensor([10, 200, 90], dtype=torch.uint8)
    return pictures


COLOURS = {
    "brightness": (0.0, 0.4, 0.9, 1.0, 1.3, 2.0),
    "contrast": (0.0, 0.4, 0.9, 1.0, 1.3, 2.0),
    "saturation": (0.0, 0.4, 0.9, 1.0, 1.3, 2.0),
    "hue": (-0.5, -0.3, -0.01, 0.0, 0.17, 0.5),
}


@pytest.mark.parametrize("name", COLOURS)
def test_colours_are_torchvisions(bytes_: torch.Tensor, name: str) -> None:
    images, factors = shares(bytes_), COLOURS[name]
    for turn in range(len(factors)):  # every factor on every picture
        turned = factors[turn:] + factors[:turn]
        found = getattr(colour, name)(images.clone(), torch.tensor(turned))
        adjust = getattr(oracle, f"adjust_{name}")
        expected = torch.stack([adjust(image, factor) for image, factor in zip(images, turned, strict=True)])
        assert torch.allclose(found, expected, rtol=0, atol=3e-6)


def drawn(**changes: object) -> Draws:
    given: dict[str, object] = {
        "flips": np.zeros(6, bool), "turns": np.zeros(6), "parts": None, "colours": {}, "erased": None, "mix": None,
    }  # fmt: skip
    return Draws(**{**given, **changes})  # type: ignore[arg-type]


def test_colours_come_one_after_the_other_in_torchvisions_order(bytes_: torch.Tensor) -> None:
    factors = {"hue": 0.2, "saturation": 1.6, "contrast": 0.5, "brightness": 1.4}
    found = coloured(shares(bytes_), drawn(colours={name: np.full(6, factor) for name, factor in factors.items()}))
    expected = shares(bytes_)
    for name in ("brightness", "contrast", "saturation", "hue"):
        expected = getattr(oracle, f"adjust_{name}")(expected, factors[name])
    assert torch.allclose(found, expected, rtol=0, atol=1e-5)


def boxes(left: float, top: float, width: float, height: float, count: int = 6) -> Boxes:
    """The same box, in pixels of SIDE, for `count` images."""
    return Boxes(*(np.full(count, value / SIDE) for value in (left, top, width, height)))


ONES = np.ones(6)


@pytest.mark.parametrize("degrees", [0.0, 8.0, 37.0, -61.0, 90.0, 180.0])
def test_a_rotation_is_torchvisions_where_the_picture_reaches(bytes_: torch.Tensor, degrees: float) -> None:
    found = resampled(bytes_, maps(boxes(0, 0, SIDE, SIDE), ONES * math.radians(degrees), ONES, ONES), SIDE)
    bilinear = InterpolationMode.BILINEAR
    expected = oracle.rotate(shares(bytes_), degrees, bilinear)
    inside = oracle.rotate(torch.ones(1, SIDE, SIDE), degrees, bilinear)[0] > 0.999
    assert inside.float().mean() > 0.6
    assert torch.allclose(found[:, :, inside], expected[:, :, inside], rtol=0, atol=2e-4)


def test_beyond_the_square_the_picture_goes_on_as_in_a_mirror(bytes_: torch.Tensor) -> None:
    # Twice the square: what sticks out on each side is half of it.
    wide = boxes(-SIDE / 2, -SIDE / 2, 2 * SIDE, 2 * SIDE)
    found = resampled(bytes_, maps(wide, np.zeros(6), ONES, ONES), 2 * SIDE)
    half = SIDE // 2
    expected = np.pad(shares(bytes_).numpy(), ((0, 0), (0, 0), (half, half), (half, half)), mode="symmetric")
    assert torch.allclose(found, torch.from_numpy(expected), rtol=0, atol=1e-5)


CROPS = {
    "whole": (0, 0, SIDE, SIDE, SIDE),
    "smaller, made larger": (5, 3, 9, 12, SIDE),
    "wide, made smaller": (1, 8, 22, 14, 12),
    "at the corner": (12, 12, 12, 12, 16),
}


@pytest.mark.parametrize("case", CROPS)
@pytest.mark.parametrize(("across", "down"), [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_a_resized_crop_with_its_flips_is_torchvisions(bytes_: torch.Tensor, case: str, across: int, down: int) -> None:
    left, top, width, height, size = CROPS[case]
    found = resampled(bytes_, maps(boxes(left, top, width, height), np.zeros(6), ONES * across, ONES * down), size)
    expected = oracle.resized_crop(
        shares(bytes_), top, left, height, width, [size, size], InterpolationMode.BILINEAR, antialias=False
    )
    expected = oracle.hflip(expected) if across < 0 else expected
    expected = oracle.vflip(expected) if down < 0 else expected

    def reaches(length: int) -> torch.Tensor:
        """Places that lie between pixels of the crop: at its very edge torchvision knows no pixels outside of it."""
        source = (torch.arange(size) + 0.5) * length / size - 0.5
        return (source >= 0) & (source <= length - 1)

    inside = reaches(height)[:, None] & reaches(width)[None, :]
    assert inside.float().mean() > 0.5
    assert torch.allclose(found[:, :, inside], expected[:, :, inside], rtol=0, atol=1e-4)


@pytest.mark.parametrize(("across", "down"), [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_crop_rotation_and_flips_are_one_map(across: int, down: int) -> None:
    """On a ramp interpolation is exact, so each pixel says where it was taken from."""
    ramp = torch.arange(SIDE, dtype=torch.uint8)
    picture = torch.stack([ramp.expand(SIDE, SIDE), ramp[:, None].expand(SIDE, SIDE), torch.zeros(SIDE, SIDE)], 2)
    left, top, width, height, degrees, size = 7.0, 8.0, 9.0, 6.0, 25.0, 10
    found = resampled(
        picture[None].to(torch.uint8),
        maps(boxes(left, top, width, height, count=1), np.radians([degrees]), np.array([across]), np.array([down])),
        size,
    )
    for row in range(size):
        for column in range(size):
            # From the middle, x to the right and y upwards, in halves of the picture.
            x, y = (2 * column + 1 - size) / size * across, -(2 * row + 1 - size) / size * down
            # The content was turned counter-clockwise: what is seen here lay clockwise of it.
            place = complex(x, y) * np.exp(-1j * math.radians(degrees))
            expected_x = left + width / 2 + place.real * width / 2 - 0.5
            expected_y = top + height / 2 - place.imag * height / 2 - 0.5
            seen = found[0, :2, row, column] * 255
            assert seen.tolist() == pytest.approx([expected_x, expected_y], abs=1e-3)


def test_a_box_is_blotted_out_as_torchvision_does() -> None:
    images = torch.ones(4, 3, SIDE, SIDE)
    places = [(0, 0, 5, 7), (19, 17, 5, 7), (3, 9, 21, 2), (11, 12, 0, 0)]  # left, top, width, height
    given = Boxes(*(np.array(values) / SIDE for values in zip(*places, strict=True)))
    found = erased(images.clone(), given)
    for image, left, top, width, height in zip(found, *zip(*places, strict=True), strict=True):
        expected = oracle.erase(torch.ones(3, SIDE, SIDE), top, left, height, width, torch.zeros(1))
        assert torch.equal(image, expected)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
def test_a_mask_blots_out_what_slices_do(memory_format: torch.memory_format) -> None:
    images = torch.rand(40, 3, SIDE, SIDE).to(memory_format=memory_format)
    ends = np.random.default_rng(0).integers(0, SIDE + 1, (2, 2, 40))
    edges = np.sort(ends, axis=1).reshape(4, 40)  # first and last column, first and last row
    edges[1, :5] = edges[0, :5]  # boxes without a width
    found, expected = masked(images.clone(), edges), blotted(images.clone(), edges)
    assert torch.equal(found, expected)
    assert 0 < (found == 0).float().mean() < 1
    assert found.stride() == images.stride()


def test_mixup_blends_neighbours_and_their_labels() -> None:
    images = torch.arange(4.0)[:, None, None, None].expand(4, 3, 2, 2).contiguous()
    found, targets = mixed(images, torch.tensor([0, 2, 2, 1]), 3, Mix(0.75, None))
    assert found[:, 0, 0, 0].tolist() == [0.75 * 0 + 0.25 * 3, 0.75, 1.75, 2.75]
    assert targets.tolist() == [[0.75, 0.25, 0], [0.25, 0, 0.75], [0, 0, 1], [0, 0.75, 0.25]]
    assert targets.dtype == torch.float32


def test_cutmix_pastes_a_box_of_the_neighbour_and_counts_its_pixels() -> None:
    images = torch.arange(4.0)[:, None, None, None].expand(4, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    box = (1, 2, 5, 8)  # left, top, right, bottom: 4 x 6 of 64 pixels
    found, targets = mixed(images, torch.arange(4), 4, Mix(1 - 24 / 64, box))
    for number, image in enumerate(found):
        other = (number - 1) % 4
        assert (image[:, 2:8, 1:5] == other).all()
        own = (image == number).float().mean().item()
        assert own == targets[number, number].item() == 1 - 24 / 64
        assert targets[number, other].item() == 24 / 64
    assert targets.sum(1).tolist() == [1, 1, 1, 1]
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_unmixed_labels_are_whole_ones() -> None:
    images = torch.rand(3, 3, 4, 4)
    found, targets = mixed(images.clone(), torch.tensor([2, 0, 2]), 3, None)
    assert torch.equal(found, images)
    assert targets.tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 1]]
