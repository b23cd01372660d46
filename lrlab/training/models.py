"""The networks that a person can choose, by the names of the catalogue. torchvision is imported only where it is used.

B images of a batch, C channels, S side in pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from lrlab.errors import LabError


class SmallCNN(nn.Module):
    """Five blocks of 3x3 convolution, batch norm and ReLU, then the mean over all places and one linear layer.

    Strides shrink the picture, no pooling: a CPU pays most for layers at full resolution. The second block of 96
    channels is worth 3 points of accuracy on photographs (measured: tests/benchmarks/README.md).
    """

    WIDTHS = ((24, 2), (48, 2), (96, 2), (96, 1), (192, 2))
    """Channels and stride of each block; 302,000 weights beside the last layer."""

    def __init__(self, num_classes: int, image_size: int) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        channels, side = 3, image_size
        for width, stride in self.WIDTHS:
            if side <= 2:  # of a single place batch norm could take no spread in a batch of one image
                stride = 1
            blocks += [
                nn.Conv2d(channels, width, kernel_size=3, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            channels, side = width, -(-side // stride)
        self.features = nn.Sequential(*blocks)
        self.head = nn.Linear(channels, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.features(images)  # (B, C, S', S')
        scores: torch.Tensor = self.head(features.mean((2, 3)))  # (B, num_classes)
        return scores


def _resnet18(num_classes: int, image_size: int) -> nn.Module:
    from torchvision.models import resnet18  # takes seconds to import

    model: nn.Module = resnet18(weights=None, num_classes=num_classes)
    return model


@dataclass(frozen=True)
class Network:
    """How one network is built: `build(num_classes, image_size)` gives it with random weights.

    `stride`: how many pixels of the picture one place of the last feature map stands for. `bfloat16`: whether it has
    enough arithmetic per layer for bfloat16 to pay on a GPU; a small network's time there goes into starting kernels.
    """

    build: Callable[[int, int], nn.Module]
    stride: int
    bfloat16: bool


NETWORKS = {
    "small_cnn": Network(SmallCNN, stride=8, bfloat16=False),
    "resnet18": Network(_resnet18, stride=32, bfloat16=True),
}


def build_model(name: str, num_classes: int, image_size: int) -> nn.Module:
    """The network `name` for RGB pictures of `image_size` px. Its weights are drawn from torch's generator.

    It takes float32 of shape (B, 3, S, S), channels last and normalised as `batches` does; it gives scores of shape
    (B, num_classes).
    """
    return NETWORKS[name].build(num_classes, image_size).to(memory_format=torch.channels_last)


def check_batch(name: str, image_size: int, batch_size: int) -> None:
    """LabError (field "batch_size") where batch norm would see one value per channel, of which it takes no spread."""
    stride = NETWORKS[name].stride
    if batch_size == 1 and image_size <= stride:
        raise LabError(
            f"batch_size: got 1, allowed: at least 2 with {name} on pictures of {image_size} px, "
            f"or pictures above {stride} px",
            field="batch_size",
        )
