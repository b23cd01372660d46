"""The summary of a network against torchvision's own figures, hand-worked layers, and a real forward pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models import get_model_weights

from lrlab.charts.diagram import COLOURS
from lrlab.experiments import MODELS, Model, Summary
from lrlab.home import Home
from lrlab.training.models import NETWORKS, build_model
from lrlab.training.summary import MAIN, REPEATED, summarise, summary

PUBLISHED = [name for name, entry in MODELS.items() if entry.weights]


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_and_arithmetic_are_those_that_torchvision_publishes(name: str) -> None:
    """Its figures, in thousand millions of multiply-adds, are for its weights: 1000 classes, 224 px."""
    figures = get_model_weights(name).DEFAULT.meta
    found = summarise(Model(name=name), 1000, 224)
    assert found.parameters == found.trained == figures["num_params"]
    assert found.multiply_adds / 1e9 == pytest.approx(figures["_ops"], abs=0.006)


@pytest.mark.parametrize("name", MODELS)
def test_layers_and_blocks_add_up(name: str) -> None:
    found = summarise(Model(name=name), 4, 64)
    for parts in (found.layers, found.blocks):
        assert sum(part.parameters for part in parts) == found.parameters
        assert sum(part.multiply_adds for part in parts) == found.multiply_adds
        assert len({part.name for part in parts}) == len(parts)
    assert found.blocks[-1].kind == ("convolution" if name == "squeezenet1_1" else "linear layer")
    assert found.layers[-1].shape == (4,) or name == "squeezenet1_1"  # which pools last


def test_vgg_16_layer_by_layer() -> None:
    found = {layer.name: layer for layer in summarise(Model(name="vgg16_by_hand"), 4, 224).layers}
    cases: dict[str, tuple[str, str, tuple[int, ...], int, int]] = {
        "features.0": ("Conv2d", "3x3", (64, 224, 224), 3 * 64 * 9 + 64, 3 * 64 * 9 * 224 * 224),
        "features.4": ("MaxPool2d", "2x2, stride 2", (64, 112, 112), 0, 0),
        "features.28": ("Conv2d", "3x3", (512, 14, 14), 512 * 512 * 9 + 512, 512 * 512 * 9 * 14 * 14),
        "avgpool": ("AdaptiveAvgPool2d", "to 7x7", (512, 7, 7), 0, 0),
        "classifier.0": ("Linear", "", (4096,), 25088 * 4096 + 4096, 25088 * 4096),
        "classifier.2": ("Dropout", "p 0.5", (4096,), 0, 0),
        "classifier.6": ("Linear", "", (4,), 4096 * 4 + 4, 4096 * 4),
    }
    for name, (kind, detail, shape, parameters, multiply_adds) in cases.items():
        layer = found[name]
        assert (layer.kind, layer.detail, layer.shape) == (kind, detail, shape)
        assert (layer.parameters, layer.multiply_adds) == (parameters, multiply_adds)


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("small_cnn", {"convolution": 5, "linear layer": 1}),
        ("vgg16", {"convolution": 13, "linear layer": 3}),
        ("resnet34", {"convolution": 1, "residual block": 16, "linear layer": 1}),
        ("resnet50", {"convolution": 1, "bottleneck block": 16, "linear layer": 1}),
        ("mobilenet_v3_small", {"convolution": 2, "inverted residual block": 11, "linear layer": 2}),
        ("efficientnet_b0", {"convolution": 2, "inverted residual block": 16, "linear layer": 1}),
        ("squeezenet1_1", {"convolution": 2, "fire module": 8}),
        ("vit_b_16", {"convolution": 1, "encoder block": 12, "linear layer": 1}),
    ],
)
def test_blocks_are_those_of_the_papers(name: str, kinds: dict[str, int]) -> None:
    found = [block.kind for block in summarise(Model(name=name), 4, 64).blocks]
    assert {kind: found.count(kind) for kind in found} == kinds


def test_every_kind_of_block_can_be_drawn() -> None:
    assert {*REPEATED.values(), *MAIN.values()} == set(COLOURS)


def test_shapes_are_those_of_a_real_pass() -> None:
    model = build_model(Model(name="resnet18"), 3, 48).eval()
    shapes: dict[str, tuple[int, ...]] = {}

    def hook(name: str) -> Any:
        def write(module: object, inputs: object, output: torch.Tensor) -> None:
            shapes.setdefault(name, tuple(output.shape[1:]))

        return write

    for name, module in model.named_modules():
        if not list(module.children()):
            module.register_forward_hook(hook(name))
    model(torch.randn(1, 3, 48, 48))
    assert {layer.name: layer.shape for layer in summarise(Model(name="resnet18"), 3, 48).layers} == shapes


def test_attention_and_loose_parameters_of_a_transformer() -> None:
    found = {layer.name: layer for layer in summarise(Model(name="vit_b_16"), 4, 224).layers}
    tokens, width = 14 * 14 + 1, 768
    attention = found["encoder.layers.encoder_layer_0.self_attention"]
    assert attention.shape == (tokens, width)
    assert attention.parameters == 4 * (width + 1) * width
    # Queries, keys, values and the result, each a product with a square matrix; then tokens with tokens, twice.
    assert attention.multiply_adds == 4 * tokens * width**2 + 2 * tokens**2 * width
    assert found["class_token"].parameters == width
    assert found["encoder.pos_embedding"].parameters == tokens * width


def test_what_the_backward_pass_needs_worked_by_hand() -> None:
    """Without batch norm: the picture, the five maps after ReLU (each the next convolution's input), and their mean."""
    found = summarise(Model(batch_norm=False), 4, 64)
    maps = 24 * 32**2 + 48 * 16**2 + 96 * 8**2 + 96 * 8**2 + 192 * 4**2
    assert found.activations == pytest.approx(4 * (3 * 64**2 + maps + 192), rel=0.01)


def test_a_frozen_backbone_learns_nothing_and_keeps_little() -> None:
    free, frozen = (summarise(Model(name="resnet18"), 4, 64, frozen=frozen) for frozen in (False, True))
    assert frozen.parameters == free.parameters
    assert frozen.trained == 512 * 4 + 4
    assert frozen.activations < free.activations / 100
    assert frozen.training_bytes(32, 2) < free.training_bytes(32, 2)


def test_memory_worked_by_hand() -> None:
    settings = {"model": Model(), "num_classes": 2, "image_size": 16, "layers": (), "blocks": (), "multiply_adds": 0}
    found = Summary(**settings, parameters=1000, trained=600, activations=50)  # type: ignore[arg-type]
    assert found.training_bytes(batch_size=8, states=2) == 4 * 1000 + 4 * 600 + 2 * 4 * 600 + 8 * 50


def test_nothing_is_allocated_for_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    devices: list[str] = []
    build = NETWORKS["vgg16"].build

    def watched(*sizes: Any, **choices: Any) -> torch.nn.Module:
        model = build(*sizes, **choices)
        devices.extend(parameter.device.type for parameter in model.parameters())
        return model

    monkeypatch.setattr(
        "lrlab.training.models.building.NETWORKS", {**NETWORKS, "vgg16": _with_build(NETWORKS["vgg16"], watched)}
    )
    summarise(Model(name="vgg16"), 4, 224)
    assert set(devices) == {"meta"}


def _with_build(network: Any, build: Any) -> Any:
    from dataclasses import replace

    return replace(network, build=build)


def test_the_helpers_answer_is_the_summary(tmp_path: Path) -> None:
    told = summary(Home(tmp_path), model={"name": "resnet18"}, num_classes=4, image_size=64, pretrained="frozen")
    assert Summary.model_validate(told) == summarise(Model(name="resnet18"), 4, 64, frozen=True)
