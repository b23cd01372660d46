"""The networks in words, and what each allows. Their layers are built in the training room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class ModelEntry:
    """One network: what it is and when to use it.

    `dropout`: its own dropout probability, None where it has no dropout. `batch_norm`: whether it has batch norm by
    itself, None where that is no choice. `least`: the smallest side of its pictures in pixels, of which the side is a
    multiple of `multiple`. `parameters`: how many numbers it learns, by itself, with 10 classes on pictures of 224 px.
    `stages`: how many it has before its head, each a group by depth. `weights_file`: what torchvision calls the file of
    its pretrained weights, empty where there are none; `pretrained_size`: the one side that these allow, 0 for any.
    """

    name: str
    title: str
    line: str
    when: str
    parameters: int
    stages: int
    dropout: float | None = None
    batch_norm: bool | None = None
    least: int = 16
    multiple: int = 1
    weights_file: str = ""
    pretrained_size: int = 0

    @property
    def weights(self) -> bool:
        """Whether torchvision has pretrained weights for it."""
        return bool(self.weights_file)

    @property
    def sized(self) -> str:
        """The title with its parameters in millions: "ResNet-18, 11 M"."""
        millions = self.parameters / 1e6
        return f"{self.title}, {millions:.0f} M" if millions >= 10 else f"{self.title}, {millions:.1f} M"


_ENTRIES = (
    ModelEntry(
        "small_cnn",
        "Small CNN",
        "A few convolution blocks, trained from nothing.",
        "For small pictures and for trying schedules: an epoch takes seconds, even without a GPU.",
        parameters=304_162,
        stages=5,
        dropout=0.0,
        batch_norm=True,
    ),
    ModelEntry(
        "vgg_light",
        "VGG light",
        "VGG's plan with a seventieth of its weights: narrow convolutions, a mean in place of the large linear layers.",
        "Where VGG-16 is too large: 128 px and more on a CPU, with nearly its accuracy on small sets.",
        parameters=1_958_810,
        stages=5,
        dropout=0.5,
        batch_norm=True,
        least=32,
    ),
    ModelEntry(
        "vgg16_by_hand",
        "VGG-16, by hand",
        "The 16 layers of VGG-16, written out one by one.",
        "To learn how it is built; it is the same network as torchvision's, weight for weight. Wants a GPU.",
        parameters=134_301_514,
        stages=5,
        dropout=0.5,
        batch_norm=False,
        least=32,
    ),
    ModelEntry(
        "vgg16",
        "VGG-16",
        "torchvision's VGG-16: 13 convolutions and three linear layers, which hold nine tenths of its weights.",
        "For comparison with older work, and for fine-tuning its pretrained weights. Wants a GPU.",
        parameters=134_301_514,
        stages=5,
        dropout=0.5,
        batch_norm=False,
        least=32,
        weights_file="vgg16-397923af.pth",
    ),
    ModelEntry(
        "resnet18",
        "ResNet-18",
        "torchvision's residual network of 18 layers.",
        "For thousands of pictures and a GPU; on a CPU an epoch is some twenty times slower than with the small CNN.",
        parameters=11_181_642,
        stages=5,
        weights_file="resnet18-f37072fd.pth",
    ),
    ModelEntry(
        "resnet34",
        "ResNet-34",
        "torchvision's residual network of 34 layers.",
        "A step up from ResNet-18, at twice the time.",
        parameters=21_289_802,
        stages=5,
        weights_file="resnet34-b627a593.pth",
    ),
    ModelEntry(
        "resnet50",
        "ResNet-50",
        "torchvision's residual network of 50 layers, in bottleneck blocks.",
        "The usual yardstick on photographs; wants a GPU.",
        parameters=23_528_522,
        stages=5,
        weights_file="resnet50-11ad3fa6.pth",
    ),
    ModelEntry(
        "mobilenet_v3_small",
        "MobileNetV3 small",
        "torchvision's small network for telephones, made of depthwise convolutions.",
        "Few weights and little arithmetic; from nothing it learns slowly, pretrained it does well on a CPU.",
        parameters=1_528_106,
        stages=5,
        dropout=0.2,
        least=32,
        weights_file="mobilenet_v3_small-047dcff4.pth",
    ),
    ModelEntry(
        "efficientnet_b0",
        "EfficientNet-B0",
        "torchvision's network of width, depth and side grown together.",
        "Accurate for its size when it begins with pretrained weights.",
        parameters=4_020_358,
        stages=5,
        dropout=0.2,
        least=32,
        weights_file="efficientnet_b0_rwightman-7f5810bc.pth",
    ),
    ModelEntry(
        "squeezenet1_1",
        "SqueezeNet 1.1",
        "torchvision's network of fire modules: 1x1 convolutions squeeze, 3x3 ones expand.",
        "Very few weights; without batch norm it wants a low LR.",
        parameters=727_626,
        stages=4,
        dropout=0.5,
        least=32,
        weights_file="squeezenet1_1-b8a52dc0.pth",
    ),
    ModelEntry(
        "vit_b_16",
        "ViT-B/16",
        "torchvision's vision transformer, base size, on patches of 16 px.",
        "To fine-tune pretrained weights on a GPU; from nothing it wants far more pictures than a folder has.",
        parameters=85_806_346,
        stages=13,
        dropout=0.0,
        least=32,
        multiple=16,
        weights_file="vit_b_16-c867db91.pth",
        pretrained_size=224,
    ),
)

MODELS: Mapping[str, ModelEntry] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
