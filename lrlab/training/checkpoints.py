"""Models as safetensors files: the weights, and in the header all that is needed to use them again."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, BeforeValidator, ConfigDict
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from lrlab.errors import LabError, shown
from lrlab.experiments import Model
from lrlab.files import write_atomic
from lrlab.training.models import build_model
from lrlab.training.normalization import CENTRED, Channels


def _each_channel(value: object) -> object:
    return (value,) * 3 if isinstance(value, int | float) else value


EachChannel = Annotated[Channels, BeforeValidator(_each_channel)]
"""A value for red, green and blue; files of older versions hold one number for all three."""


class ModelFacts(BaseModel):
    """What a saved model is. A picture goes in as RGB of `image_size` px, each channel (value / 255 - mean) / std.

    `epoch` is the one under way when it was saved, from 0; accuracy (0 to 1) and loss are those of the validation
    images at its end, None where the epoch was not finished.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    model: str
    dropout: float | None = None
    batch_norm: bool | None = None
    classes: tuple[str, ...]
    image_size: int
    mean: EachChannel = CENTRED.mean
    std: EachChannel = CENTRED.std
    run: str
    epoch: int | None = None
    val_accuracy: float | None = None
    val_loss: float | None = None

    @property
    def network(self) -> Model:
        """The network as it was asked for."""
        return Model(name=self.model, dropout=self.dropout, batch_norm=self.batch_norm)


def save_model(
    path: Path,
    model: nn.Module,
    facts: ModelFacts,
    guard: AbstractContextManager[object] | None = None,
    told: Callable[[], object] = lambda: None,
) -> None:
    """Writes `path` in one step and syncs it: a reader finds the old model or the new one. `guard`, `told`: as
    `write_atomic`'s."""
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    # A safetensors header holds texts only, so what is no text stands there as JSON.
    values = facts.model_dump(mode="json")
    header = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    write_atomic(path, save(weights, header), guard=guard, told=told)


def load_model(path: Path, device: torch.device | str = "cpu") -> tuple[nn.Module, ModelFacts]:
    """The model in `path`, ready to predict, and its facts. LabError where the file is no model of lrlab."""
    try:
        with safe_open(path, framework="pt") as file:
            facts = ModelFacts.model_validate(_values(file.metadata() or {}))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
        model = build_model(facts.network, len(facts.classes), facts.image_size)
        model.load_state_dict(weights)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise LabError(f"{shown(path.name)} holds no model that lrlab saved") from error
    return model.to(device).eval(), facts


def _values(header: dict[str, str]) -> dict[str, Any]:
    known = {name: field.annotation for name, field in ModelFacts.model_fields.items() if name in header}
    return {name: header[name] if kind is str else json.loads(header[name]) for name, kind in known.items()}
