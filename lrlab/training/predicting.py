"""What a trained model says of one's own images: each goes through what a validation image goes through."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lrlab.datasets import as_cached
from lrlab.errors import LabError, NotFound, shown
from lrlab.home import Home
from lrlab.runs import Run, load_run, ranked
from lrlab.training.batches import EvalBatches, Pictures, eval_batch_size
from lrlab.training.checkpoints import load_model
from lrlab.training.evaluation import device_for, scores
from lrlab.training.normalization import Normalization

Which = Literal["best", "last"]
WHICH: tuple[Which, ...] = ("best", "last")

TOP = 5
"""So many classes are told of each picture, unless asked otherwise."""


@dataclass(frozen=True)
class Prediction:
    """`classes`, the most probable first, and their `probabilities` (0 to 1). `seen`: the square that the model was
    given, uint8 of shape (S, S, 3), before normalisation."""

    classes: tuple[str, ...]
    probabilities: tuple[float, ...]
    seen: NDArray[np.uint8]


class Predictor:
    """The best or the last model of a run, ready for images. NotFound where the run has none (yet)."""

    def __init__(self, run: Run, which: Which = "best") -> None:
        path = run.best_model if which == "best" else run.last_model
        if not path.is_file():
            raise NotFound(f"run {run.id} has no {which} model yet", field="model")
        self._device = device_for(run.experiment)
        self._model, self.facts = load_model(path, self._device.device)

    def square(self, path: Path, name: str = "") -> NDArray[np.uint8]:
        """The image in `path`, decoded as the training images were, shape (P, P, 3); LabError says why it cannot be."""
        return as_cached(path, self.facts.image_size, name)

    def predict(self, squares: Sequence[NDArray[np.uint8]], top: int = TOP) -> list[Prediction]:
        """What the model says of decoded images, each uint8 of shape (P, P, 3) as `as_cached` gives it.

        LabError where the model gives numbers for none: its weights went to NaN while it was trained.
        """
        if not squares:
            return []
        size, device = self.facts.image_size, self._device.device
        labels = np.zeros(len(squares), np.int64)  # of no account
        normalization = Normalization(self.facts.mean, self.facts.std)
        pictures = Pictures(np.stack(squares), labels, size, device, normalization)
        batches = EvalBatches(pictures, np.arange(len(squares)), eval_batch_size(1, size, device))
        given = scores(self._model, batches, self._device, lambda what, done, total: None)
        if not np.isfinite(given).all():
            raise LabError(
                "this model gives no numbers any more, its weights are not finite; try an earlier one", "model"
            )
        classes, probabilities = ranked(given, self.facts.classes, top)
        corner = (squares[0].shape[0] - size) // 2
        return [
            Prediction(tuple(names), tuple(chances), square[corner : corner + size, corner : corner + size])
            for names, chances, square in zip(classes.tolist(), probabilities.tolist(), squares, strict=True)
        ]


def predict(home: Home, *, run: str, file: str, name: str, model: str = "best", top: int = TOP) -> dict[str, Any]:
    """The question "predict": what a model of `run` says of the image in `file`, which is called `name`.

    {"classes", "probabilities", "epoch", "seen": the square that the model was given, as a data URL}.
    """
    which = next((one for one in WHICH if one == model), None)
    if which is None:
        raise LabError(f"model: got {shown(model)}, allowed: {', '.join(WHICH)}", field="model")
    predictor = Predictor(load_run(run, home), which)
    (found,) = predictor.predict([predictor.square(Path(file), name)], top)
    return {
        "classes": found.classes,
        "probabilities": found.probabilities,
        "epoch": predictor.facts.epoch,
        "seen": _data_url(found.seen),
    }


def _data_url(pixels: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
