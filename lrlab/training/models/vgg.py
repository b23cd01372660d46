"""VGG-16 written out by hand, and a light network on the same plan.

B images of a batch, C channels, S side in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

PLAN = (2, 2, 3, 3, 3)
"""Convolutions of each stage; a pooling after each stage halves the side."""

WIDTHS = (64, 128, 256, 512, 512)
LIGHT_WIDTHS = (16, 32, 64, 128, 256)
"""Channels of each stage: of VGG-16, and of the light one, which has 2 million weights in place of 134."""

HIDDEN = 4096
"""Width of VGG-16's two hidden linear layers."""

POOLED = 7
"""Side of the map that VGG-16's linear layers take: a picture of 224 px, halved five times."""


class VGG16(nn.Module):
    """VGG-16: 13 convolutions of 3x3 in five stages, then three linear layers.

    The map after the last stage is brought to 7x7 for pictures of any size. Layers are made and drawn in the order in
    which torchvision does it, so that the same seed gives the same weights. Simonyan and Zisserman, arXiv:1409.1556.
    """

    def __init__(self, num_classes: int, *, dropout: float = 0.5, batch_norm: bool = False) -> None:
        super().__init__()
        self.features = _stages(WIDTHS, batch_norm)
        self.avgpool = nn.AdaptiveAvgPool2d((POOLED, POOLED))
        self.classifier = nn.Sequential(
            nn.Linear(WIDTHS[-1] * POOLED**2, HIDDEN),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(HIDDEN, HIDDEN),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(HIDDEN, num_classes),
        )
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, 0, 0.01)
                nn.init.zeros_(module.bias)
            else:
                _draw_convolution(module)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.avgpool(self.features(images))  # (B, 512, 7, 7)
        scores: torch.Tensor = self.classifier(features.flatten(1))  # (B, num_classes)
        return scores


class VGGLight(nn.Module):
    """VGG-16's plan with a quarter of its channels at the start and half of them at the end, batch norm, and the mean
    over all places in place of the hidden linear layers, which hold nine tenths of VGG-16's weights."""

    def __init__(self, num_classes: int, *, dropout: float = 0.5, batch_norm: bool = True) -> None:
        super().__init__()
        self.features = _stages(LIGHT_WIDTHS, batch_norm)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(LIGHT_WIDTHS[-1], num_classes))
        for module in self.features:
            _draw_convolution(module)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.avgpool(self.features(images))  # (B, 256, 1, 1)
        scores: torch.Tensor = self.classifier(features.flatten(1))  # (B, num_classes)
        return scores


def _stages(widths: Sequence[int], batch_norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for count, width in zip(PLAN, widths, strict=True):
        for _ in range(count):
            layers.append(nn.Conv2d(channels, width, kernel_size=3, padding=1))
            if batch_norm:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.ReLU(inplace=True))
            channels = width
        layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
    return nn.Sequential(*layers)


def _draw_convolution(module: nn.Module) -> None:
    """Kaiming's start: without it nothing reaches the end of 13 layers that have no batch norm."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
