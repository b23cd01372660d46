"""Runs made up for the training charts, and what a figure shows of them."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
import pandas as pd

from lrlab.charts import Series
from lrlab.schedules import ScheduleSpec, curve

NAN, INF = math.nan, math.inf
STEP = {"scheduler": {"name": "StepLR", "step_size": 2, "gamma": 0.5}}


def numbers(packed: Any) -> np.ndarray:
    """What a trace holds, whether it came as a typed array or as a list."""
    if isinstance(packed, dict):
        return np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"]).astype(float)
    return np.array(packed, float)


def made(
    schedule: dict[str, Any] | None = None,
    *,
    epochs: int = 6,
    spe: int = 5,
    done: int | None = None,
    loss: Any = None,
    accuracy: Any = None,
    live: bool = False,
    name: str = "run",
    lr: float = 0.1,
    seconds: float = 0.5,
    resumed_at: tuple[int, ...] = (),
    pause: float = 0.0,
) -> Series:
    """A run of `epochs` x `spe` updates of which `done` are logged; an update takes `seconds`."""
    planned = curve(ScheduleSpec.model_validate(schedule or {}), lr, epochs, spe).lr
    n = epochs * spe if done is None else done
    step = np.arange(n)
    time = 1e9 + seconds * step + pause * sum((step >= first for first in resumed_at), start=np.zeros(n))
    losses = np.full(n, 1.0) if loss is None else np.resize(np.asarray(loss, float), n)
    ended = np.arange(n // spe)
    last = (ended + 1) * spe - 1
    accuracies = np.full(len(ended), 0.5) if accuracy is None else np.asarray(accuracy, float)[: len(ended)]
    return Series(
        name=name,
        colour="#0072B2",
        steps=pd.DataFrame({"step": step, "epoch": step // spe, "time": time, "lr": planned[:n], "loss": losses}),
        epochs=pd.DataFrame(
            {
                "epoch": ended,
                "step": last,
                "time": time[last] + 0.25,
                "lr": planned[last],
                "train_loss": losses[last],
                "train_accuracy": accuracies,
                "val_loss": losses[last],
                "val_accuracy": accuracies,
            }
        ),
        steps_per_epoch=spe,
        planned_epochs=epochs,
        planned=planned,
        resumed_at=resumed_at,
        live=live,
    )


def drawn(figure: dict[str, Any], y: str, **wanted: Any) -> list[dict[str, Any]]:
    """The traces on axis `y` ("y": loss, "y2": accuracy, "y3": LR) whose attributes are `wanted`."""
    found = [trace for trace in figure["data"] if trace["yaxis"] == y and trace["x"] != [None]]
    return [trace for trace in found if all(trace.get(key) == value for key, value in wanted.items())]


def validation(figure: dict[str, Any], y: str) -> dict[str, Any]:
    (trace,) = [trace for trace in drawn(figure, y) if trace["name"].startswith("validation")]
    return trace
