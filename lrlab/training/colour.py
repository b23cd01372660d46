"""Brightness, contrast, saturation and hue of a whole batch, each image by its own factor.

What each does is what torchvision's functions adjust_* define on floating-point pictures. Images are float32 of shape
(B, 3, S, S), each value from 0 to 1; factors have the shape (B,).
"""

from __future__ import annotations

import torch
from torch import Tensor

GREY = (0.2989, 0.587, 0.114)
"""How much red, green and blue make of a grey (ITU-R BT.601, to the digits that torchvision takes)."""


def brightness(images: Tensor, factors: Tensor) -> Tensor:
    """0 gives black, 1 the picture as it was."""
    return (images * _each(factors)).clamp_(0, 1)


def contrast(images: Tensor, factors: Tensor) -> Tensor:
    """0 gives the picture's mean grey, 1 the picture as it was."""
    return _blend(images, grey(images).mean((1, 2, 3), keepdim=True), factors)


def saturation(images: Tensor, factors: Tensor) -> Tensor:
    """0 gives a grey picture, 1 the picture as it was."""
    return _blend(images, grey(images), factors)


def hue(images: Tensor, turns: Tensor) -> Tensor:
    """Turns the colours by `turns` of the circle, from -0.5 to 0.5: hue moves in HSV, saturation and value stay."""
    red, green, blue = images.unbind(1)
    value, least = images.amax(1), images.amin(1)
    spread = value - least
    scale = torch.where(spread == 0, 1, spread).reciprocal_()
    # In sixths of the circle. Where two channels share the largest value, the formulas agree.
    sixths = torch.where(
        value == red,
        (green - blue) * scale,
        torch.where(value == green, (blue - red) * scale + 2, (red - green) * scale + 4),
    )
    sixths += turns[:, None, None] * 6
    # Of HSV back to RGB: channel n is value - spread x clamp(min(k, 4 - k), 0, 1), k = (n + sixths) modulo 6.
    channels = []
    for n in (5, 3, 1):
        k = (sixths + n).remainder_(6)
        channels.append(value - spread * torch.minimum(k, 4 - k).clamp_(0, 1))
    return torch.stack(channels, 1)


def grey(images: Tensor) -> Tensor:
    """The grey of each pixel, (B, 1, S, S)."""
    red, green, blue = images.unbind(1)
    return (red * GREY[0] + green * GREY[1] + blue * GREY[2])[:, None]


def _blend(images: Tensor, other: Tensor, factors: Tensor) -> Tensor:
    share = _each(factors)
    return (images * share + other * (1 - share)).clamp_(0, 1)


def _each(factors: Tensor) -> Tensor:
    return factors[:, None, None, None]
