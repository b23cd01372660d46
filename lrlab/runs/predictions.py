"""predictions.parquet: what the best model of a run says of every image that it did not learn from.

One row per image of the validation part and, where there is one, of the test part, in the order of the data set:

    split              "val" or "test"
    row                the image's row in the data set
    file               its path as the person knows it
    label, predicted   the class that it has and the one that the model gives it
    probability        of its label (0 to 1)
    top_classes        up to 5 classes, the most probable first, which is `predicted`
    top_probabilities  theirs

The classes in their order, and the epoch of the model, stand in the file's metadata.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from lrlab.errors import LabError
from lrlab.files import write_atomic
from lrlab.runs.arrow import reader
from lrlab.runs.run import Run

TOP = 5
"""So many classes are kept of each image."""

_FACTS = b"lrlab.predictions"

_SCHEMA = pa.schema(
    [
        ("split", pa.string()),
        ("row", pa.int64()),
        ("file", pa.string()),
        ("label", pa.string()),
        ("predicted", pa.string()),
        ("probability", pa.float64()),
        ("top_classes", pa.list_(pa.string())),
        ("top_probabilities", pa.list_(pa.float64())),
    ]
)


@dataclass(frozen=True)
class Predictions:
    """`frame`: the rows, columns as above. `classes`: all of them, in the order of the labels. `epoch`: under way when
    the model was saved, from 0."""

    frame: pd.DataFrame
    classes: tuple[str, ...]
    epoch: int | None

    @property
    def splits(self) -> tuple[str, ...]:
        """The parts that there are, "val" first."""
        return tuple(split for split in ("val", "test") if (self.frame["split"] == split).any())

    def of(self, split: str) -> pd.DataFrame:
        """The rows of one part."""
        return self.frame[self.frame["split"] == split].reset_index(drop=True)


def softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """The probabilities that `scores`, shape (N, classes), stand for; in float64, where few become equal."""
    exact = scores.astype(np.float64)
    powers = np.exp(exact - exact.max(axis=1, keepdims=True))
    result: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return result


def ranked(
    scores: NDArray[np.floating], classes: Sequence[str], top: int = TOP
) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    """The `top` classes (all, where there are fewer) of each row of `scores` and their probabilities, the best first;
    of equal ones the first in the order of `classes`. Both of shape (N, top)."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    return np.array(classes, dtype=object)[best], np.take_along_axis(softmax(scores), best, 1)


def tabulated(
    split: str,
    rows: NDArray[np.int64],
    files: Sequence[str],
    labels: NDArray[np.int64],
    scores: NDArray[np.floating],
    classes: Sequence[str],
) -> pd.DataFrame:
    """The rows of one part, from what a model gave for it: `scores` of shape (N, classes), all else of shape (N,)."""
    best, chances = ranked(scores, classes)
    names = np.array(classes, dtype=object)
    return pd.DataFrame(
        {
            "split": split,
            "row": rows,
            "file": list(files),
            "label": names[labels],
            "predicted": best[:, 0],
            "probability": softmax(scores)[np.arange(len(labels)), labels],
            "top_classes": list(best),
            "top_probabilities": list(chances),
        }
    )


def flat(predictions: Predictions) -> pd.DataFrame:
    """The rows, the best classes in columns of their own (class_1, probability_1, class_2, ...) for a spreadsheet."""
    frame = predictions.frame
    parts = [frame.drop(columns=["top_classes", "top_probabilities"])]
    classes, chances = (np.stack(frame[name].tolist()) for name in ("top_classes", "top_probabilities"))
    for place in range(classes.shape[1]):
        named = {f"class_{place + 1}": classes[:, place], f"probability_{place + 1}": chances[:, place]}
        parts.append(pd.DataFrame(named, index=frame.index))
    return pd.concat(parts, axis=1)


def chance(probability: float) -> str:
    """A probability as a person reads it: 93.1 %; never 0 or 100 % for what is not."""
    if 0.9995 <= probability < 1:
        return "> 99.9 %"
    return "< 0.1 %" if 0 < probability < 0.0005 else f"{100 * probability:.1f} %"


def store_predictions(run: Run, predictions: Predictions, guard: AbstractContextManager[object] | None = None) -> None:
    """Writes predictions.parquet in one step; one of an earlier attempt is replaced. `guard`: as `write_atomic`'s."""
    facts = {"classes": predictions.classes, "epoch": predictions.epoch}
    table = pa.Table.from_pandas(predictions.frame, _SCHEMA, preserve_index=False)
    table = table.replace_schema_metadata({_FACTS: json.dumps(facts).encode()})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    write_atomic(run.predictions, buffer.getvalue(), guard=guard)


def load_predictions(run: Run) -> Predictions | None:
    """What is in predictions.parquet, or None where the run has none. LabError where the file is damaged."""
    try:
        table = parquet.read_table(reader(run.predictions.read_bytes()))
        facts = json.loads(table.schema.metadata[_FACTS])
    except FileNotFoundError:
        return None
    except (pa.ArrowInvalid, OSError, KeyError, TypeError, ValueError) as error:
        raise LabError(f"predictions.parquet of run {run.id} is damaged") from error
    frame = table.replace_schema_metadata(None).to_pandas()
    return Predictions(frame, tuple(facts["classes"]), facts["epoch"])
