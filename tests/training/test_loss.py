"""The loss against torch.nn.CrossEntropyLoss and hand-worked values."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import CrossEntropyLoss

from lrlab.experiments import Regularization
from lrlab.training.loss import Loss, balanced, build_loss, count_right

LABELS = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2])


def scores() -> torch.Tensor:
    return torch.randn(8, 3, generator=torch.Generator().manual_seed(1))


HARD = torch.tensor([0, 1, 2, 0, 1, 2, 0, 0])
MIXED = torch.softmax(torch.randn(8, 3, generator=torch.Generator().manual_seed(2)), 1)


@pytest.mark.parametrize("targets", [HARD, MIXED], ids=["labels", "mixed labels"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_the_loss_is_torchs(weights: str, smoothing: float, targets: torch.Tensor) -> None:
    settings = Regularization.model_validate({"label_smoothing": smoothing, "class_weights": weights})
    # 12 images of 3 classes: 12 / (3 x 6), 12 / (3 x 2), 12 / (3 x 4).
    weight = torch.tensor([2 / 3, 2.0, 1.0]) if weights == "balanced" else None
    expected = CrossEntropyLoss(weight=weight, label_smoothing=smoothing)(scores(), targets)
    assert torch.equal(build_loss(settings, LABELS, 3)(scores(), targets), expected)


def test_smoothing_by_hand() -> None:
    """Equal scores give every class 1/4, whatever the label; a sure answer pays for the share it denies the others."""
    loss = Loss(label_smoothing=0.2)
    assert float(loss(torch.zeros(1, 4), torch.tensor([1]))) == pytest.approx(math.log(4))
    sure = torch.tensor([[10.0, 0.0]])
    total = math.log(math.exp(10) + 1)
    # The label is 0.9 and 0.1: 0.9 x (total - 10) + 0.1 x total.
    assert float(loss(sure, torch.tensor([0]))) == pytest.approx(total - 9, rel=1e-5)


def test_scores_of_16_bits_are_summed_in_32() -> None:
    whole = scores()
    for kind in (torch.bfloat16, torch.float16):
        loss = Loss()(whole.to(kind), HARD)
        assert loss.dtype == torch.float32
        assert torch.equal(loss, Loss()(whole.to(kind).float(), HARD))


COUNTS = {
    "unequal": ([0, 0, 0, 1], 2, [4 / 6, 2.0]),
    "equal": ([0, 1, 2], 3, [1.0, 1.0, 1.0]),
    "a class without an image": ([0, 0, 2, 2], 3, [4 / 6, 0.0, 4 / 6]),
}


@pytest.mark.parametrize("case", COUNTS)
def test_balanced_weights(case: str) -> None:
    labels, classes, expected = COUNTS[case]
    weight = balanced(np.array(labels), classes)
    assert weight.dtype == torch.float32
    assert weight.tolist() == pytest.approx(expected)


def test_the_weights_go_where_the_loss_goes() -> None:
    assert Loss(weight=torch.ones(3)).to("meta").weight.device.type == "meta"  # type: ignore[union-attr]


def test_of_a_mixed_label_the_larger_share_counts() -> None:
    answers = torch.tensor([[5.0, 1.0, 0.0], [0.0, 1.0, 5.0], [0.0, 5.0, 1.0]])
    assert int(count_right(answers, torch.tensor([0, 2, 0]))) == 2
    assert int(count_right(answers, torch.tensor([[0.6, 0.4, 0.0], [0.7, 0.0, 0.3], [0.0, 1.0, 0.0]]))) == 2
