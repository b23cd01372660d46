"""Augmentation of whole batches at once: the tensor operations that carry out what was drawn.

B images of a batch, P side of the cached squares, S side that the model sees, in pixels.

Where the pixels come from: the cache holds squares of P = S + S / 8. A resized crop is a part of the whole square. A
rotation turns about the middle of the crop, and what turns in from outside the crop is taken from the same square;
beyond the square (the corners, from about 7 degrees on) the picture goes on as in a mirror, so that no black corners
tell of the angle. Crop, rotation and flips are one affine map, for which pixels are interpolated once, bilinearly.

The order: crop, rotation, flips; brightness, contrast, saturation, hue; normalisation; erasing, to 0; mixup or cutmix.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from lrlab.experiments import Augment
from lrlab.training import colour
from lrlab.training.draws import Boxes, Draws, Floats, Mix
from lrlab.training.sending import sent

COLOURS = {
    "brightness": colour.brightness,
    "contrast": colour.contrast,
    "saturation": colour.saturation,
    "hue": colour.hue,
}
"""In the order in which they are applied."""


def resamples(augment: Augment) -> bool:
    """Whether pixels are interpolated; else a crop is a cut."""
    return augment.crop == "resized" or augment.rotation > 0


def is_plain(augment: Augment) -> bool:
    """Whether cuts and mirror images, left to right, are all there is to it."""
    changes = ("vertical_flip", "rotation", "brightness", "contrast", "saturation", "hue", "erasing", "mixup", "cutmix")
    return augment.crop != "resized" and not any(getattr(augment, name) for name in changes)


def resampled(squares: Tensor, maps: Tensor, image_size: int) -> Tensor:
    """Pictures of `image_size` px out of `squares`, uint8 of shape (B, P, P, 3), by affine `maps` of shape (B, 2, 3).

    float32 of shape (B, 3, S, S), 0 to 1.
    """
    grid = affine_grid(maps, [len(maps), 3, image_size, image_size], align_corners=False)
    found = grid_sample(shares(squares), grid, padding_mode="reflection", align_corners=False)
    return found.clamp_(0, 1)  # of four pixels of 1, sums of rounded weights may come out above


def maps(boxes: Boxes, turns: Floats, across: Floats, down: Floats) -> Tensor:
    """Where in its square each place of a picture lies: float32 of shape (B, 2, 3), for places from -1 to 1.

    The picture is the box, its content turned by `turns` (radians, counter-clockwise), then mirrored left to right
    where `across` is -1 and top to bottom where `down` is -1. All of shape (B,), on the CPU.
    """
    cos, sin = np.cos(turns), np.sin(turns)
    rows = [
        [boxes.width * cos * across, -boxes.width * sin * down, 2 * boxes.left + boxes.width - 1],
        [boxes.height * sin * across, boxes.height * cos * down, 2 * boxes.top + boxes.height - 1],
    ]
    return torch.from_numpy(np.array(rows, np.float32).transpose(2, 0, 1).copy())


def shares(pixels: Tensor) -> Tensor:
    """uint8 of shape (B, S, S, 3) as float32 of shape (B, 3, S, S), 0 to 1; each channel lies together in memory."""
    return pixels.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format).div_(255)


def coloured(images: Tensor, draws: Draws) -> Tensor:
    """`images` (B, 3, S, S), 0 to 1, with the colours that were drawn; in place."""
    names = [name for name in COLOURS if name in draws.colours]
    if not names:
        return images
    factors = sent(np.stack([draws.colours[name] for name in names]).astype(np.float32), images.device)
    for name, factor in zip(names, factors, strict=True):
        images = COLOURS[name](images, factor)
    return images


def erased(images: Tensor, boxes: Boxes) -> Tensor:
    """`images` (B, 3, S, S) with 0 inside of each one's box, whose edges are rounded to pixels; in place."""
    side = images.shape[-1]
    # The sides are rounded, then the corner: a box keeps its size wherever it lies.
    width, height = np.rint(boxes.width * side), np.rint(boxes.height * side)
    left, top = np.rint(boxes.left * side).clip(0, side - width), np.rint(boxes.top * side).clip(0, side - height)
    edges = np.stack([left, left + width, top, top + height]).astype(np.int64)  # (4, B)
    return blotted(images, edges) if images.device.type == "cpu" else masked(images, edges)


def blotted(images: Tensor, edges: NDArray[np.int64]) -> Tensor:
    """`images` (B, 3, S, S) with 0 inside of `edges`: first and last column, first and last row, (4, B), the last ones
    excluded; in place. One by one, each a slice: a mask would have to pass over every pixel of the batch."""
    for row in np.flatnonzero((edges[0] < edges[1]) & (edges[2] < edges[3])):
        first, last, upper, lower = edges[:, row].tolist()
        images[row, :, upper:lower, first:last] = 0
    return images


def masked(images: Tensor, edges: NDArray[np.int64]) -> Tensor:
    """As `blotted`, by a mask: to a GPU a pass over the batch is nothing, and B small orders are much."""
    first, last, upper, lower = sent(edges, images.device)[:, :, None]
    places = torch.arange(images.shape[-1], device=images.device)
    across, down = (places >= first) & (places < last), (places >= upper) & (places < lower)  # (B, S)
    return images.masked_fill_(down[:, None, :, None] & across[:, None, None, :], 0)


def mixed(images: Tensor, labels: Tensor, classes: int, mix: Mix | None) -> tuple[Tensor, Tensor]:
    """Images, written over, and targets, float32 of shape (B, classes): each holds the shares that its labels have."""
    targets = torch.zeros(len(labels), classes, device=labels.device).scatter_(1, labels[:, None], 1.0)
    if mix is None:
        return images, targets
    targets = targets * mix.share + targets.roll(1, 0) * (1 - mix.share)
    if mix.box is None:
        return images.lerp_(images.roll(1, 0), 1 - mix.share), targets
    left, top, right, bottom = mix.box
    images[:, :, top:bottom, left:right] = images[:, :, top:bottom, left:right].roll(1, 0)
    return images, targets
