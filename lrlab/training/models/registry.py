"""The networks that a person can choose, by the names of the catalogue. One entry here and one there make a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import nn

from lrlab.experiments import MODELS, Model
from lrlab.training.models.small_cnn import SmallCNN
from lrlab.training.models.vgg import VGG16, VGGLight

Prefixes = tuple[str, ...]
"""Names of modules or parameters; each stands for itself and for all below it."""

Stages = Callable[[nn.Module], tuple[Prefixes, ...]]
"""What a built network has before its head, from the picture on."""


def within(name: str, prefixes: Iterable[str]) -> bool:
    """Whether a module or parameter is one of `prefixes` or lies below one."""
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


@dataclass(frozen=True)
class Network:
    """How one network is built, and what it is made of.

    `build(num_classes, image_size, **choices)` gives it with random weights; `choices` are what the catalogue lets one
    choose: `dropout` (a probability), `batch_norm`. `head`: the layers after the features. `last`: the layer that gives
    the scores, which alone is new where weights are pretrained. `stages`: everything before the head; of the built
    network, since names depend on its choices. `bfloat16`: whether it has enough arithmetic per layer for bfloat16 to
    pay on a GPU; a small network's time there goes into starting kernels. `stride`: how many pixels of the picture one
    place of its last batch norm stands for; 0 where it is never too few places.
    """

    build: Callable[..., nn.Module]
    head: Prefixes
    last: str
    stages: Stages
    bfloat16: bool = True
    stride: int = 0


def choices(model: Model) -> dict[str, float | bool]:
    """What the network's `build` is given beside its sizes: as the person chose, else as the catalogue has it."""
    entry = MODELS[model.name]
    found: dict[str, float | bool] = {}
    if entry.dropout is not None:
        found["dropout"] = entry.dropout if model.dropout is None else model.dropout
    if entry.batch_norm is not None:
        found["batch_norm"] = entry.batch_norm if model.batch_norm is None else model.batch_norm
    return found


def _torchvision(name: str) -> Callable[..., nn.Module]:
    """The builder of torchvision's network `name`."""

    def build(num_classes: int, image_size: int, **given: float) -> nn.Module:
        from torchvision.models import get_model  # takes seconds to import

        model: nn.Module = get_model(name, weights=None, num_classes=num_classes, **given)
        return model

    return build


def _vgg16(num_classes: int, image_size: int, *, dropout: float, batch_norm: bool) -> nn.Module:
    return _torchvision("vgg16_bn" if batch_norm else "vgg16")(num_classes, image_size, dropout=dropout)


def _vit_b_16(num_classes: int, image_size: int, *, dropout: float) -> nn.Module:
    from torchvision.models import vit_b_16

    # Its embedding of places is made for one size of picture.
    model: nn.Module = vit_b_16(weights=None, num_classes=num_classes, dropout=dropout, image_size=image_size)
    return model


def _named(*stages: Prefixes) -> Stages:
    return lambda network: stages


def _numbered(*stages: range) -> Stages:
    """Stages of so many children of `features`."""
    return _named(*(tuple(f"features.{number}" for number in stage) for stage in stages))


def _beginning_with(kind: type[nn.Module]) -> Stages:
    """Each module of this kind among the children of `features` begins a stage, as pooling begins VGG's."""

    def stages(network: nn.Module) -> tuple[Prefixes, ...]:
        found: list[list[str]] = []
        for name, module in network.get_submodule("features").named_children():
            if not found or isinstance(module, kind):
                found.append([])
            found[-1].append(f"features.{name}")
        learning = [name for name, _ in network.named_parameters()]
        return tuple(tuple(stage) for stage in found if any(within(name, stage) for name in learning))

    return stages


_RESNET: Any = {
    "head": ("fc",),
    "last": "fc",
    "stages": _named(("conv1", "bn1"), ("layer1",), ("layer2",), ("layer3",), ("layer4",)),
    "stride": 32,
}
_VGG: Any = {"head": ("classifier",), "stages": _beginning_with(nn.MaxPool2d)}

NETWORKS: Mapping[str, Network] = MappingProxyType(
    {
        "small_cnn": Network(
            SmallCNN,
            head=("head",),
            last="head",
            stages=_beginning_with(nn.Conv2d),
            bfloat16=False,
            stride=8,
        ),
        "vgg_light": Network(lambda classes, size, **given: VGGLight(classes, **given), last="classifier.1", **_VGG),
        "vgg16_by_hand": Network(lambda classes, size, **given: VGG16(classes, **given), last="classifier.6", **_VGG),
        "vgg16": Network(_vgg16, last="classifier.6", **_VGG),
        "resnet18": Network(_torchvision("resnet18"), **_RESNET),
        "resnet34": Network(_torchvision("resnet34"), **_RESNET),
        "resnet50": Network(_torchvision("resnet50"), **_RESNET),
        "mobilenet_v3_small": Network(
            _torchvision("mobilenet_v3_small"),
            head=("classifier",),
            last="classifier.3",
            stages=_numbered(range(1), range(1, 2), range(2, 4), range(4, 9), range(9, 13)),
            stride=32,
        ),
        "efficientnet_b0": Network(
            _torchvision("efficientnet_b0"),
            head=("classifier",),
            last="classifier.1",
            stages=_numbered(range(2), range(2, 3), range(3, 4), range(4, 6), range(6, 9)),
            stride=32,
        ),
        "squeezenet1_1": Network(
            _torchvision("squeezenet1_1"),
            head=("classifier",),
            last="classifier.1",
            stages=_beginning_with(nn.MaxPool2d),
        ),
        "vit_b_16": Network(
            _vit_b_16,
            head=("heads",),
            last="heads.head",
            stages=_named(
                ("class_token", "conv_proj", "encoder.pos_embedding"),
                *((f"encoder.layers.encoder_layer_{number}",) for number in range(11)),
                ("encoder.layers.encoder_layer_11", "encoder.ln"),
            ),
        ),
    }
)
