"""The networks: their sizes by hand and by torchvision, pictures from the smallest to the largest, one update each."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
import torchvision.models
from torch import nn

from lrlab.errors import LabError
from lrlab.experiments import MODELS, Experiment, Model
from lrlab.training.models import NETWORKS, build_model, check_batch

VGG_16 = 134_276_932
"""Parameters of VGG-16 with 4 classes at 224 px."""


def meta(name: str, num_classes: int = 10, image_size: int = 224, **choices: Any) -> nn.Module:
    """The network without memory for its weights."""
    with torch.device("meta"):
        return build_model(Model(name=name, **choices), num_classes, image_size)


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_there_is_a_network_for_each_entry_of_the_catalogue() -> None:
    assert set(NETWORKS) == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_the_catalogue_tells_sizes_and_stages(name: str) -> None:
    model = meta(name)
    assert count(model) == MODELS[name].parameters
    assert len(NETWORKS[name].stages(model)) == MODELS[name].stages


def vgg_by_hand() -> int:
    """3x3 weights and a bias for each channel; then 7x7x512 places to 4096, 4096 and 4 numbers."""
    channels = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    convolutions = sum((9 * before + 1) * after for before, after in pairwise(channels))
    return convolutions + (7 * 7 * 512 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 4


@pytest.mark.parametrize("name", ["vgg16", "vgg16_by_hand"])
def test_vgg_16_has_its_parameters(name: str) -> None:
    assert count(meta(name, num_classes=4)) == vgg_by_hand() == VGG_16


def test_vgg_light_has_a_twentieth_at_most() -> None:
    channels = [3, 16, 16, 32, 32, 64, 64, 64, 128, 128, 128, 256, 256, 256]
    # With batch norm a convolution has a bias, and each channel a factor and a shift.
    by_hand = sum((9 * a + 1 + 2) * b for a, b in pairwise(channels)) + (256 + 1) * 4
    assert count(meta("vgg_light", num_classes=4)) == by_hand < 0.05 * VGG_16


@pytest.mark.parametrize("batch_norm", [False, True])
def test_vgg_by_hand_has_torchvisions_layers(batch_norm: bool) -> None:
    ours, theirs = (meta(name, batch_norm=batch_norm) for name in ("vgg16_by_hand", "vgg16"))
    assert [(type(module), module.extra_repr()) for module in ours.modules() if not list(module.children())] == [
        (type(module), module.extra_repr()) for module in theirs.modules() if not list(module.children())
    ]
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_vgg_by_hand_is_torchvisions_weight_for_weight() -> None:
    """Drawn alike from one seed, and alike in what they answer; as large as they are, they are made once."""
    torch.manual_seed(3)
    ours = build_model(Model(name="vgg16_by_hand"), 4, 32).eval()
    torch.manual_seed(3)
    theirs = torchvision.models.vgg16(num_classes=4).eval()
    images = torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        assert torch.allclose(ours(images), theirs(images), atol=1e-6)
    assert all(torch.equal(one, other) for one, other in zip(ours.parameters(), theirs.parameters(), strict=True))


@pytest.mark.parametrize("image_size", [16, 17, 31, 64, 100, 512])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_small_cnn_takes_every_size(image_size: int, batch_norm: bool) -> None:
    model = build_model(Model(batch_norm=batch_norm), 5, image_size).eval()
    assert model(torch.randn(2, 3, image_size, image_size)).shape == (2, 5)


def test_small_cnn_by_itself_begins_and_answers_as_the_layers_in_a_row() -> None:
    """What is dropped with probability 0, and what is not drawn, change nothing."""
    torch.manual_seed(1)
    layers: list[nn.Module] = []
    channels = 3
    for width, stride in ((24, 2), (48, 2), (96, 2), (96, 1), (192, 2)):
        layers += [nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    row = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(192, 3))
    torch.manual_seed(1)
    model = build_model(Model(), 3, 32)
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), row.parameters(), strict=True))
    images = torch.randn(4, 3, 32, 32)
    state = torch.get_rng_state()
    assert torch.allclose(model(images), row(images), atol=1e-5)
    assert torch.equal(torch.get_rng_state(), state)


HEAVY = {"vgg16", "vgg16_by_hand", "vit_b_16"}
"""Of half a gigabyte and more; their update is tried with as little as can be."""


@pytest.mark.parametrize("name", MODELS)
def test_one_update_at_the_least_size_reaches_every_weight(name: str) -> None:
    least, batch_size = MODELS[name].least, 1 if name in HEAVY else 2
    check_batch(asked(name, least, batch_size))
    torch.manual_seed(0)
    model = build_model(Model(name=name), 3, least)
    images = torch.randn(batch_size, 3, least, least).to(memory_format=torch.channels_last)
    scores = model(images)
    assert scores.shape == (batch_size, 3)
    nn.functional.cross_entropy(scores, torch.arange(batch_size)).backward()
    without = [key for key, parameter in model.named_parameters() if parameter.grad is None]
    assert without == []
    assert all(bool(parameter.grad.isfinite().all()) for parameter in model.parameters() if parameter.grad is not None)
    assert count(model) == count(meta(name, 3, least))


@pytest.mark.parametrize(("name", "image_size"), [("vgg_light", 50), ("squeezenet1_1", 100), ("vit_b_16", 96)])
def test_other_sizes_fit(name: str, image_size: int) -> None:
    model = meta(name, 7, image_size)
    assert model(torch.randn(2, 3, image_size, image_size, device="meta")).shape == (2, 7)


@pytest.mark.parametrize("name", [name for name, entry in MODELS.items() if entry.dropout is not None])
def test_dropout_is_what_was_asked_for(name: str) -> None:
    def rates(**choices: Any) -> set[float]:
        modules = meta(name, image_size=64, **choices).modules()
        return {module.p for module in modules if isinstance(module, nn.Dropout)}

    assert rates() == {MODELS[name].dropout}
    assert rates(dropout=0.35) == {0.35}


@pytest.mark.parametrize("name", [name for name, entry in MODELS.items() if entry.batch_norm is not None])
def test_batch_norm_is_what_was_asked_for(name: str) -> None:
    def layers(**choices: Any) -> tuple[int, int]:
        modules = list(meta(name, **choices).modules())
        kinds = (nn.Conv2d, nn.BatchNorm2d)
        convolutions, norms = (sum(isinstance(module, kind) for module in modules) for kind in kinds)
        return convolutions, norms

    convolutions = 5 if name == "small_cnn" else 13
    assert layers(batch_norm=True) == (convolutions, convolutions)
    assert layers(batch_norm=False) == (convolutions, 0)
    assert layers() == layers(batch_norm=MODELS[name].batch_norm)


def asked(name: str, image_size: int, batch_size: int, **settings: Any) -> Experiment:
    model = {"name": name, **settings.pop("model", {})}
    values = {"dataset": "d", "model": model, "image_size": image_size, "batch_size": batch_size, **settings}
    return Experiment.model_validate(values)


@pytest.mark.parametrize(
    ("name", "image_size"), [("resnet18", 16), ("resnet50", 32), ("mobilenet_v3_small", 32), ("efficientnet_b0", 32)]
)
def test_a_batch_that_batch_norm_cannot_take_is_refused(name: str, image_size: int) -> None:
    with pytest.raises(ValueError, match="more than 1 value"):  # the reason why it is refused
        build_model(Model(name=name), 3, image_size)(torch.randn(1, 3, image_size, image_size))
    with pytest.raises(LabError, match=f"batch_size: got 1, allowed: at least 2 with {name}") as caught:
        check_batch(asked(name, image_size, 1))
    assert caught.value.field == "batch_size"


@pytest.mark.parametrize(
    ("name", "image_size", "settings"),
    [
        ("small_cnn", 16, {}),
        ("resnet18", 33, {}),
        ("mobilenet_v3_small", 33, {}),
        ("efficientnet_b0", 33, {}),
        ("squeezenet1_1", 32, {}),
        ("vgg_light", 32, {}),
        ("vgg_light", 32, {"model": {"batch_norm": False}}),
    ],
)
def test_a_batch_of_one_passes_where_it_can(name: str, image_size: int, settings: dict[str, Any]) -> None:
    experiment = asked(name, image_size, 1, **settings)
    check_batch(experiment)
    model = build_model(experiment.model, 3, image_size)
    assert model(torch.randn(1, 3, image_size, image_size)).shape == (1, 3)


def test_weights_come_from_torchs_seed() -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return torch.cat([parameter.flatten() for parameter in build_model(Model(), 3, 32).parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


@pytest.mark.parametrize(
    ("init", "spread"),
    [
        # Of the second convolution, 24 channels of 3x3 to 48: fan in 216, fan out 432.
        ("xavier_uniform", (2 / (216 + 432)) ** 0.5),
        ("xavier_normal", (2 / (216 + 432)) ** 0.5),
        ("kaiming_uniform", (2 / 216) ** 0.5),
        ("kaiming_normal", (2 / 216) ** 0.5),
    ],
)
def test_init_draws_with_the_spread_of_its_paper(init: str, spread: float) -> None:
    torch.manual_seed(0)
    model = build_model(Model(), 3, 32, init=init)
    weight = model.get_parameter("features.3.weight")
    assert weight.std().item() == pytest.approx(spread, rel=0.03)
    bound = weight.abs().max().item() / spread
    assert bound <= 3**0.5 + 1e-6 if init.endswith("uniform") else bound > 2.5
    assert not model.get_parameter("head.bias").any()
