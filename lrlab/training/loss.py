"""The loss that is trained: cross entropy with label smoothing, class weights and mixed labels.

B images of a batch, C classes. A target is a label (int64, one for each image) or, after mixup or cutmix, the share of
each class (float32, C for each image).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lrlab.experiments import Regularization


class Loss(nn.Module):
    """The mean cross entropy of a batch, as torch.nn.CrossEntropyLoss takes it.

    `weight`: a factor for each class, shape (C,). As in torch, labels are averaged with their weights: the sum of
    weighted losses is divided by the sum of the weights, or, where labels are mixed, by B.
    """

    weight: Tensor | None

    def __init__(self, label_smoothing: float = 0.0, weight: Tensor | None = None) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing
        self.register_buffer("weight", weight)

    def forward(self, scores: Tensor, targets: Tensor) -> Tensor:
        """`scores`: (B, C), of any float; the loss is a single float32."""
        # In float32 whatever the scores are in: a sum of exponentials has no room in 16 bits.
        return cross_entropy(scores.float(), targets, self.weight, label_smoothing=self.label_smoothing)


def build_loss(settings: Regularization, labels: NDArray[np.int64], num_classes: int) -> Loss:
    """The loss that `settings` ask for, with the weights that the training images' `labels` call for."""
    weight = balanced(labels, num_classes) if settings.class_weights == "balanced" else None
    return Loss(settings.label_smoothing, weight)


def balanced(labels: NDArray[np.int64], num_classes: int) -> Tensor:
    """N / (classes x images of the class) for each class, float32 of shape (C,), so that every class counts the same.

    A class without an image is never asked for; its weight is 0.
    """
    counts = np.bincount(labels, minlength=num_classes)
    weights = np.divide(len(labels), num_classes * counts, out=np.zeros(num_classes), where=counts > 0)
    return torch.tensor(weights, dtype=torch.float32)


def count_right(scores: Tensor, targets: Tensor) -> Tensor:
    """How many images were named right, one integer on the device; of a mixed label, the larger share counts."""
    labels = targets.argmax(1) if targets.dim() == 2 else targets
    return (scores.argmax(1) == labels).sum()
