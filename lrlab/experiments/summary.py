"""What a network is made of, layer by layer, and what it costs. Measured in the training room; told without torch."""

from __future__ import annotations

from lrlab.experiments.parts import Model
from lrlab.experiments.values import Part

FLOAT = 4
"""Bytes of a weight, and of an activation in float32."""


class Layer(Part):
    """One layer, in the order in which a picture passes.

    `name`: in torch's state dict; `kind`: torch's class, or "Parameter" for one that belongs to no layer; `detail`:
    what tells it from others of its kind ("3x3, stride 2"). `shape`: of what it gives for one picture, (C, S, S) or
    (C,); `multiply_adds`: of one picture, forward.
    """

    name: str
    kind: str
    detail: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


class Block(Part):
    """Layers that are drawn as one: a block that the network repeats, or a convolution or linear layer with the batch
    norm, activation and pooling after it.

    `kind`: in words ("convolution", "residual block"). `shape`: of what its main layer gives for one picture, before
    any pooling: (C, S, S), (C,), or (tokens, C) in a transformer. `skips`: whether its input is added to what it gives.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    skips: bool = False


class Summary(Part):
    """A whole network for pictures of `image_size` px.

    `trained`: the parameters that learn, fewer than `parameters` where a backbone is frozen. `activations`: bytes that
    one picture leaves in memory from the forward pass for the backward one, in float32.
    """

    model: Model
    num_classes: int
    image_size: int
    layers: tuple[Layer, ...]
    blocks: tuple[Block, ...]
    parameters: int
    trained: int
    multiply_adds: int
    activations: int

    def training_bytes(self, batch_size: int, states: float) -> int:
        """About how much memory training takes on batches of `batch_size`: weights, gradients, activations, and
        `states` numbers that the optimiser keeps for each trained parameter. torch itself comes on top."""
        return round(FLOAT * (self.parameters + (1 + states) * self.trained) + batch_size * self.activations)
