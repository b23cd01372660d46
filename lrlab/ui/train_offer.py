"""Which settings change something beside what is chosen already, and what the model allows of each. No widgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from lrlab.experiments import FIELDS, MODELS, ExperimentField

SWITCHES = {
    "clip.limit": ("clip.by", "none"),
    "early_stopping.patience": ("early_stopping.monitor", "none"),
    "early_stopping.min_delta": ("early_stopping.monitor", "none"),
    "early_stopping.start_from_epoch": ("early_stopping.monitor", "none"),
}
"""Settings that do nothing while another one has this value."""


def offer(model: str, values: Mapping[str, Any], plateau: Literal["min", "max"] | None) -> dict[str, ExperimentField]:
    """The fields to draw by their names, in the catalogue's order, narrowed to what fits `model`.

    `values`: what is chosen, by the fields' names. `plateau`: the mode of a ReduceLROnPlateau, None for any other
    schedule.
    """
    entry = MODELS[model]
    pretrained = values["pretrained"] if entry.weights else "none"
    hidden = {name for name, (switch, off) in SWITCHES.items() if values[switch] == off}
    hidden |= {
        name
        for name, out in {
            "pretrained": not entry.weights,
            "init": pretrained != "none",
            "model.dropout": entry.dropout is None,
            "model.batch_norm": entry.batch_norm is None or pretrained != "none",
            "grad_norm": values["clip.by"] != "none",  # clipping logs it anyway
            "plateau_metric": plateau is None,
        }.items()
        if out
    }
    found = {
        name: field
        for name, field in FIELDS.items()
        if name not in hidden and not (field.needs and values[field.needs[0]] != field.needs[1])
    }
    size = entry.pretrained_size if pretrained != "none" else 0
    narrowed: dict[str, Any] = {
        "image_size": {"min": size or _least(entry.least, entry.multiple), "max": size or FIELDS["image_size"].max},
        "model.dropout": {"optional": f"its own, {entry.dropout:g}" if entry.dropout is not None else ""},
    }
    if pretrained == "frozen":  # nothing of the backbone is trained
        narrowed["param_groups.by"] = {"choices": _choices("param_groups.by", "none", "pattern")}
    if plateau is not None:
        metrics = ("val_loss", "train_loss") if plateau == "min" else ("val_accuracy", "train_accuracy")
        narrowed["plateau_metric"] = {"choices": _choices("plateau_metric", "auto", *metrics)}
    return {name: replace(field, **narrowed.get(name, {})) for name, field in found.items()}


def _least(least: int, multiple: int) -> int:
    """The smallest side that is legal."""
    return -(-least // multiple) * multiple


def _choices(name: str, *kept: str) -> tuple[tuple[str, str], ...]:
    return tuple(choice for choice in FIELDS[name].choices if choice[0] in kept)
