"""What a network is made of and what it costs, found on the meta device: no memory for weights, no arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef

from lrlab.experiments import Block, Layer, Model, Summary
from lrlab.home import Home
from lrlab.training.models import NETWORKS, build_model, freeze

BATCH = 2
"""Pictures that are sent through; a single one is too few for batch norm where the last map is one place."""

REPEATED = {
    "BasicBlock": "residual block",
    "Bottleneck": "bottleneck block",
    "InvertedResidual": "inverted residual block",
    "MBConv": "inverted residual block",
    "Fire": "fire module",
    "EncoderBlock": "encoder block",
}
"""torchvision's classes of blocks that a network repeats, in words."""

MAIN = {nn.Conv2d: "convolution", nn.Linear: "linear layer"}
"""Layers that are drawn as a block where they stand alone."""


def summarise(settings: Model, num_classes: int, image_size: int, *, frozen: bool = False) -> Summary:
    """The network of `settings`; `frozen`: only its head learns, as with frozen pretrained weights."""
    with torch.device("meta"):
        model = build_model(settings, num_classes, image_size)
        images = torch.empty(BATCH, 3, image_size, image_size)
    if frozen:
        freeze(model, NETWORKS[settings.name].head)
    walk = _Walk(model)
    kept = _Kept(model)
    with walk, kept:
        model.train()(images)
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return Summary(
        model=settings,
        num_classes=num_classes,
        image_size=image_size,
        layers=tuple(walk.layers),
        blocks=tuple(walk.blocks()),
        parameters=sum(size for size, _ in sizes),
        trained=sum(size for size, learns in sizes if learns),
        multiply_adds=sum(layer.multiply_adds for layer in walk.layers),
        activations=kept.bytes // BATCH,
    )


def summary(
    home: Home, *, model: dict[str, Any], num_classes: int, image_size: int, pretrained: str = "none"
) -> dict[str, Any]:
    """As `summarise`, for the helper process: `model` and the answer are JSON."""
    found = summarise(Model.model_validate(model), num_classes, image_size, frozen=pretrained == "frozen")
    return found.model_dump(mode="json")


class _Kept:
    """Counts the bytes of what autograd keeps for the backward pass beside the parameters, while it is entered."""

    def __init__(self, model: nn.Module) -> None:
        tensors = [*model.parameters(), *model.buffers()]
        self._known = {_place(tensor.untyped_storage()) for tensor in tensors}
        self._held: list[torch.UntypedStorage] = []  # so that no other storage gets the place of one that was counted
        self._hooks = saved_tensors_hooks(self._look, lambda tensor: tensor)
        self.bytes = 0

    def _look(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        place = _place(storage)
        if place not in self._known:
            self._known.add(place)
            self._held.append(storage)
            self.bytes += storage.nbytes()
        return tensor

    def __enter__(self) -> None:
        self._hooks.__enter__()

    def __exit__(self, *error: object) -> None:
        self._hooks.__exit__(*error)


def _place(storage: torch.UntypedStorage) -> int:
    """What tells storages apart; those of the meta device have no address."""
    return int(StorageWeakRef(storage).cdata)  # type: ignore[no-untyped-call]


class _Walk:
    """Writes down the layers of `model` in the order in which a picture passes them, while it is entered."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._modules = dict(model.named_modules())
        self._handles: list[Any] = []
        self._met: set[str] = set()
        self.layers: list[Layer] = []

    def __enter__(self) -> None:
        for name, module in self._modules.items():
            if self._is_inside_layer(name):
                continue
            if _is_layer(module):
                self._handles.append(module.register_forward_hook(self._layer(name)))
            elif list(module.parameters(recurse=False)):
                self._handles.append(module.register_forward_pre_hook(self._loose(name)))

    def __exit__(self, *error: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _is_inside_layer(self, name: str) -> bool:
        above = name.split(".")[:-1]
        return any(_is_layer(self._modules[".".join(above[:depth])]) for depth in range(1, len(above) + 1))

    def _layer(self, name: str) -> Callable[..., None]:
        def write(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
            if name in self._met:  # such as an activation that a block uses twice
                return
            self._met.add(name)
            given = output[0] if isinstance(output, tuple) else output
            self.layers.append(
                Layer(
                    name=name,
                    kind=type(module).__name__,
                    detail=_detail(module),
                    shape=tuple(given.shape[1:]),
                    parameters=sum(parameter.numel() for parameter in module.parameters()),
                    multiply_adds=_multiply_adds(module, inputs[0], given),
                )
            )

        return write

    def _loose(self, name: str) -> Callable[..., None]:
        """Writes down parameters that a module holds beside its layers, when it begins."""

        def write(module: nn.Module, inputs: object) -> None:
            for own, parameter in module.named_parameters(recurse=False):
                self.layers.append(
                    Layer(
                        name=f"{name}.{own}".removeprefix("."),
                        kind="Parameter",
                        detail="",
                        shape=tuple(parameter.shape[1:]),
                        parameters=parameter.numel(),
                        multiply_adds=0,
                    )
                )

        return write

    def blocks(self) -> list[Block]:
        """The layers gathered into blocks; what is no main layer belongs to the block before it."""
        found: list[Block] = []
        early: list[Layer] = []
        for layer in self.layers:
            name, kind = self._block_of(layer)
            if found and (found[-1].name == name or not kind):
                found[-1] = _with(found[-1], layer, grows=found[-1].name == name)
            elif kind:
                block = Block(
                    name=name, kind=kind, shape=layer.shape, parameters=0, multiply_adds=0, skips=self._skips(name)
                )
                for one in (*early, layer):
                    block = _with(block, one)
                found.append(block)
                early = []
            else:
                early.append(layer)
        return found

    def _block_of(self, layer: Layer) -> tuple[str, str]:
        """Name and kind of the block that `layer` is in or is itself; no kind where it is none."""
        parts = layer.name.split(".")
        for depth in range(1, len(parts)):
            name = ".".join(parts[:depth])
            kind = REPEATED.get(type(self._modules[name]).__name__)
            if kind:
                return name, kind
        module = self._modules.get(layer.name)
        return layer.name, next((word for kind, word in MAIN.items() if isinstance(module, kind)), "")

    def _skips(self, name: str) -> bool:
        module = self._modules[name]
        kind = type(module).__name__
        return bool(getattr(module, "use_res_connect", kind in ("BasicBlock", "Bottleneck", "EncoderBlock")))


def _with(block: Block, layer: Layer, grows: bool = False) -> Block:
    """`block` with `layer` in it; `grows`: it is one of a repeated block's own, whose last layer gives the shape."""
    return block.model_copy(
        update={
            "shape": layer.shape if grows else block.shape,
            "parameters": block.parameters + layer.parameters,
            "multiply_adds": block.multiply_adds + layer.multiply_adds,
        }
    )


def _is_layer(module: nn.Module) -> bool:
    """Whether it is one layer to a person: a module without parts, or attention, whose parts are never called."""
    return isinstance(module, nn.MultiheadAttention) or not list(module.children())


def _detail(module: nn.Module) -> str:
    known: Mapping[str, object] = vars(module)
    words = []
    if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
        words.append(_square(module.kernel_size))
        if _square(module.stride) != "1x1":
            words.append(f"stride {_square(module.stride).split('x')[0]}")
    if isinstance(module, nn.Conv2d) and module.groups > 1:
        words.append("depthwise" if module.groups == module.in_channels else f"{module.groups} groups")
    if isinstance(module, nn.AdaptiveAvgPool2d):
        words.append(f"to {_square(module.output_size)}")
    if isinstance(module, nn.MultiheadAttention):
        words.append(f"{module.num_heads} heads")
    if isinstance(known.get("p"), float) and isinstance(module, nn.Dropout):
        words.append(f"p {module.p:g}")
    return ", ".join(words)


def _square(size: Any) -> str:
    across, down = size if isinstance(size, tuple) else (size, size)
    return f"{across}x{down}"


def _multiply_adds(module: nn.Module, given: Tensor, output: Tensor) -> int:
    """Of one picture: of convolutions, linear layers and attention; all else is small beside them."""
    if isinstance(module, nn.Conv2d):
        height, width = module.kernel_size
        return output[0].numel() * module.in_channels // module.groups * height * width
    if isinstance(module, nn.Linear):
        return output[0].numel() * module.in_features
    if isinstance(module, nn.MultiheadAttention):
        tokens, width = given.shape[1:]
        return int(4 * tokens * width**2 + 2 * tokens**2 * width)
    return 0
