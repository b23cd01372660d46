"""Brightness, contrast, saturation and hue of a whole batch, each image by its own factor.

What each does is what torchvision's functions adjust_* define on floating-point pictures. Images are float32 of shape
(B, 3, S, S), each channel together in memory, each value from 0 to 1; factors have the shape (B,). All work in place
and return the images: on a CPU, fresh memory for a batch costs more than the arithmetic.
"""

from __future__ import annotations

import torch
from torch import Tensor

GREY = (0.2989, 0.587, 0.114)
"""How much red, green and blue make of a grey (ITU-R BT.601, to the digits that torchvision takes)."""


def brightness(images: Tensor, factors: Tensor) -> Tensor:
    """0 gives black, 1 the picture as it was."""
    return images.mul_(_each(factors)).clamp_(0, 1)


def contrast(images: Tensor, factors: Tensor) -> Tensor:
    """0 gives the picture's mean grey, 1 the picture as it was."""
    return _blend(images, grey(images).mean((1, 2, 3), keepdim=True), factors)


def saturation(images: Tensor, factors: Tensor) -> Tensor:
    """0 gives a grey picture, 1 the picture as it was."""
    return _blend(images, grey(images), factors)


def hue(images: Tensor, turns: Tensor) -> Tensor:
    """Turns the colours by `turns` of the circle, from -0.5 to 0.5: hue moves in HSV, saturation and value stay."""
    red, green, blue = images.unbind(1)
    value = images.amax(1)
    spread = value - images.amin(1)
    scale = (spread + (spread == 0)).reciprocal_()
    # Hue in sixths of the circle, by the largest channel; where two share the largest value, the formulas agree. As
    # sums of products with 0 and 1: torch.where is slower than all of it.
    is_red = (value == red).float()
    is_green = (value == green).float().mul_(1 - is_red)
    is_blue = 1 - is_red - is_green
    sixths = (green - blue).mul_(is_red)
    sixths.addcmul_(blue - red, is_green).addcmul_(red - green, is_blue).mul_(scale)
    sixths.add_(is_green, alpha=2).add_(is_blue, alpha=4).add_(turns[:, None, None], alpha=6)
    # Back to RGB: channel n is value - spread x clamp(min(k, 4 - k), 0, 1), where k = (n + sixths) modulo 6.
    for channel, n in zip((red, green, blue), (5, 3, 1), strict=True):
        k = sixths + n
        k.sub_((k / 6).floor_(), alpha=6)
        torch.minimum(k, 4 - k, out=k).clamp_(0, 1)
        torch.addcmul(value, spread, k, value=-1, out=channel)
    return images


def grey(images: Tensor) -> Tensor:
    """The grey of each pixel, (B, 1, S, S)."""
    red, green, blue = images.unbind(1)
    return (red * GREY[0]).add_(green, alpha=GREY[1]).add_(blue, alpha=GREY[2])[:, None]


def _blend(images: Tensor, other: Tensor, factors: Tensor) -> Tensor:
    share = _each(factors)
    return images.mul_(share).add_(other * (1 - share)).clamp_(0, 1)


def _each(factors: Tensor) -> Tensor:
    return factors[:, None, None, None]
