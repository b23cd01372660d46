"""The keeper of the best model."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from lrlab.runs import Beat, Measure, Result
from lrlab.training.checkpoints import ModelFacts, save_model
from lrlab.training.loop import Loop, Observer, Score


class Keeper(Observer):
    """Saves the model whenever it validates better than before.

    Better by `by`: a higher accuracy, or the same and a lower loss; with "val_loss" a lower loss, or the same and a
    higher accuracy. The first of equals stays. What `guard` gives is held while the old one is replaced.
    """

    def __init__(
        self,
        path: Path,
        facts: ModelFacts,
        beat: Beat,
        by: Measure = "val_accuracy",
        guard: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._guard = guard
        self._path = path
        self._facts = facts
        self._beat = beat
        self._by_loss = by == "val_loss"
        self.result = Result()
        """The best epoch so far and its figures."""
        self._best: tuple[float, float] | None = None

    def after_epoch(self, loop: Loop) -> None:
        score = loop.score
        if score is None:
            raise RuntimeError(f"epoch {loop.epoch} ended without a validation")
        order = self._order(score)
        if self._best is not None and order >= self._best:
            return
        told = partial(self._beat.say, "saving the best model")
        told()
        facts = {"epoch": loop.epoch, "val_accuracy": score.accuracy, "val_loss": score.loss}
        save_model(self._path, loop.model, self._facts.model_copy(update=facts), self._guard(), told)
        self._best = order
        self.result = Result(best_epoch=loop.epoch, best_val_accuracy=score.accuracy, best_val_loss=score.loss)

    def _order(self, score: Score) -> tuple[float, float]:
        # A loss that is no number is worse than any.
        loss = math.inf if math.isnan(score.loss) else score.loss
        return (loss, -score.accuracy) if self._by_loss else (-score.accuracy, loss)

    def state_dict(self) -> dict[str, Any]:
        """The best epoch so far; its model is in its file."""
        return self.result.model_dump(include={"best_epoch", "best_val_accuracy", "best_val_loss"})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.result = Result.model_validate(state)
        accuracy, loss = self.result.best_val_accuracy, self.result.best_val_loss
        self._best = None if accuracy is None or loss is None else self._order(Score(loss, accuracy))
