"""A small convolution network that trains on a CPU in seconds.

B images of a batch, C channels, S side in pixels.
"""

from __future__ import annotations

import torch
from torch import nn


class SmallCNN(nn.Module):
    """Five blocks of 3x3 convolution, batch norm and ReLU, then the mean over all places and one linear layer.

    Strides shrink the picture, no pooling: a CPU pays most for layers at full resolution. The second block of 96
    channels is worth 3 points of accuracy on photographs (measured: tests/benchmarks/README.md).
    """

    WIDTHS = ((24, 2), (48, 2), (96, 2), (96, 1), (192, 2))
    """Channels and stride of each block; 302,000 weights beside the last layer."""

    def __init__(self, num_classes: int, image_size: int, *, dropout: float = 0.0, batch_norm: bool = True) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        channels, side = 3, image_size
        for width, stride in self.WIDTHS:
            if side <= 2:  # of a single place batch norm could take no spread in a batch of one image
                stride = 1
            # Batch norm takes the mean away, and a bias with it.
            blocks.append(nn.Conv2d(channels, width, kernel_size=3, stride=stride, padding=1, bias=not batch_norm))
            if batch_norm:
                blocks.append(nn.BatchNorm2d(width))
            blocks.append(nn.ReLU(inplace=True))
            channels, side = width, -(-side // stride)
        self.features = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(channels, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.features(images)  # (B, C, S', S')
        scores: torch.Tensor = self.head(self.dropout(features.mean((2, 3))))  # (B, num_classes)
        return scores
