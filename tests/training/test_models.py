"""The networks: shapes from the smallest to the largest picture, and one update each."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lrlab.errors import LabError
from lrlab.experiments import MODELS
from lrlab.training.models import NETWORKS, build_model, check_batch


def test_there_is_a_network_for_each_entry_of_the_catalogue() -> None:
    assert set(NETWORKS) == set(MODELS)


@pytest.mark.parametrize("image_size", [16, 17, 31, 64, 100, 512])
def test_small_cnn_takes_every_size(image_size: int) -> None:
    model = build_model("small_cnn", 5, image_size).eval()
    assert model(torch.randn(2, 3, image_size, image_size)).shape == (2, 5)


@pytest.mark.parametrize(
    ("name", "image_size", "batch_size"),
    [("small_cnn", 16, 1), ("small_cnn", 64, 4), ("resnet18", 33, 1), ("resnet18", 32, 2)],
)
def test_one_update_moves_every_weight(name: str, image_size: int, batch_size: int) -> None:
    check_batch(name, image_size, batch_size)
    torch.manual_seed(0)
    model = build_model(name, 3, image_size)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    images = torch.randn(batch_size, 3, image_size, image_size).to(memory_format=torch.channels_last)
    nn.functional.cross_entropy(model(images), torch.arange(batch_size) % 3).backward()
    optimizer.step()
    moved = [bool((old != new).any()) for old, new in zip(before, model.parameters(), strict=True)]
    assert all(moved)


@pytest.mark.parametrize("image_size", [16, 32])
def test_a_batch_that_batch_norm_cannot_take_is_refused(image_size: int) -> None:
    with pytest.raises(ValueError, match="more than 1 value"):  # the reason why it is refused
        build_model("resnet18", 3, image_size)(torch.randn(1, 3, image_size, image_size))
    with pytest.raises(LabError, match="batch_size: got 1, allowed: at least 2 with resnet18") as caught:
        check_batch("resnet18", image_size, 1)
    assert caught.value.field == "batch_size"


def test_weights_come_from_torchs_seed() -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return torch.cat([parameter.flatten() for parameter in build_model("small_cnn", 3, 32).parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))
