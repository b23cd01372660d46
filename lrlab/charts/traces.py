"""The traces that draw one run: losses above, accuracies and the gradient's norm between, learning rate below."""

from __future__ import annotations

import html
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrlab.charts.figure import each_once, thin, typed
from lrlab.charts.series import GROUP, Axis, Floats, Series
from lrlab.runs import LRChange
from lrlab.schedules import number

LOSS, ACCURACY, LR, GRADIENT = "y", "y2", "y3", "y4"
MEASURES = {LOSS: "loss", ACCURACY: "accuracy", GRADIENT: "gradient norm", LR: "LR"}

MARKED_EPOCHS = 60
"""Up to so many epochs each validation is a visible point."""

MOST_CLIPPED = 600
"""Above so many clipped updates only some of them are marked: more would touch each other anyway."""

MOST_JUMPS = 12
"""A run whose LR jumps more often gets no hair lines: they would be a hatching."""

TALKATIVE = 3
"""Up to so many runs the box at the pointer also tells the training curves."""

LARGEST = 1e30
"""Losses beyond this are drawn here: far off the chart, and still a number in the 32 bits that a browser is sent."""

LONGEST_NAME = 28
NO_NUMBER = "#D55E00"
CLIPPED = "#D55E00"
NOTE_SIZE = 12
QUIET = "#8a94a0"


def smoothing_window(steps_per_epoch: int) -> int:
    """Over how many updates the training loss is smoothed: a third of an epoch, 5 at least and 200 at most."""
    return min(200, max(5, round(steps_per_epoch / 3)))


def smooth(loss: Floats, window: int) -> Floats:
    """The bias-corrected running mean of `loss` with weights (1 - 1/window)**age; nan where `loss` is not finite.

    A diverged update leaves a gap and does not spoil what comes after it.
    """
    import pandas as pd  # the process that only previews schedules never pays for it

    finite = np.where(np.isfinite(loss), loss, np.nan)
    mean = pd.Series(finite).ewm(alpha=1 / window, adjust=True).mean().to_numpy()
    return np.where(np.isfinite(loss), mean, np.nan)


class RunTraces:
    """One run's traces among `of` runs, `most` points each, and what the axes need to know about them."""

    def __init__(self, run: Series, x: Axis, most: int, *, of: int) -> None:
        self.run, self.x, self.most = run, x, most
        self.alone, self.talkative = of == 1, of <= TALKATIVE
        self.at_steps, self.at_epochs = run.step_places(x), run.epoch_places(x)
        self.window = smoothing_window(run.steps_per_epoch)
        self.loss = run.steps["loss"].to_numpy(float)
        self.lr = run.steps["lr"].to_numpy(float)
        self.losses = (smooth(self.loss, self.window), run.epochs["val_loss"].to_numpy(float))
        self.accuracies = tuple(100 * run.epochs[name].to_numpy(float) for name in ("train_accuracy", "val_accuracy"))
        self.norm = run.steps["grad_norm"].to_numpy(float) if "grad_norm" in run.steps else self.loss[:0]
        self.group_lrs = {name: run.steps[GROUP + name].to_numpy(float) for name in run.groups}
        # Not the number of rows: where damaged ones were left out of the log, there are fewer than updates.
        self.next_step = int(run.steps["step"].iloc[-1]) + 1 if len(run.steps) else 0
        self.ahead = run.planned[self.next_step :] if run.live and run.planned is not None else self.lr[:0]
        self.all_lr = np.concatenate([self.lr, self.ahead, *self.group_lrs.values()])
        begin = self.loss[:5][np.isfinite(self.loss[:5])]
        self.first_loss = float(np.median(begin)) if len(begin) else math.nan

    def traces(self, highest_loss: float, lowest_norm: float = 0.0) -> list[dict[str, Any]]:
        """All traces that have something to show; the loss axis ends at `highest_loss`, the axis of the gradient's norm
        begins at `lowest_norm`."""
        smoothed, val_loss = self.losses
        train_accuracy, val_accuracy = self.accuracies
        raw = self._line(LOSS, "", self.at_steps, self.loss, width=1, opacity=0.22) if self.alone else None
        traces = [
            raw,
            self._line(LOSS, "training", self.at_steps, smoothed, "%{y:.4~g}" * self.talkative, width=1.6),
            self._validation(LOSS, val_loss, "%{y:.4~g}"),
            self._line(
                ACCURACY, "training", self.at_epochs, train_accuracy, "%{y:.1f} %" * self.talkative, width=1.4,
                opacity=0.75,
            ),
            self._validation(ACCURACY, val_accuracy, "%{y:.1f} %"),
            self._best(val_accuracy),
            *self._gradient(),
            self._clipped(lowest_norm),
            self._lr_ahead(),
            *self._group_lrs(),
            self._lr_used(),
            self._no_number(smoothed, highest_loss),
        ]  # fmt: skip
        return [trace for trace in traces if trace]

    def hair_lines(self) -> list[dict[str, Any]]:
        """A line through all charts at each lone jump of the LR so far; a ramp is not made of jumps."""
        whole = self.lr if self.run.planned is None else self.run.planned
        if len(_jumps(whole)) > MOST_JUMPS:
            return []
        by_hand = {row for row, _ in self._by_hand()}
        # The new LR is used from the end of the last update that used the old one.
        rows = [row for row in _jumps(self.lr).tolist() if row not in by_hand]
        return [self._through(float(self.at_steps[row]), "jump", width=1, dash="dot") for row in rows]

    def hand_lines(self) -> list[dict[str, Any]]:
        """A line through all charts wherever a person has changed the LR."""
        return [self._through(self._end_of(row), "hand", width=1.6, dash="6px,4px") for row, _ in self._by_hand()]

    def hand_notes(self) -> list[dict[str, Any]]:
        """What a person has multiplied the LR by, beside each line in the LR's chart."""
        return [
            {
                "text": f"by hand: {number(change.lr)}",
                "showarrow": False,
                "xref": "x",
                "yref": f"{LR} domain",
                "x": self._end_of(row),
                "y": 1,
                "xanchor": "left" if self._end_of(row) < 0.8 * self.run.length(self.x) else "right",
                "yanchor": "top",
                "font": {"size": NOTE_SIZE},
            }
            for row, change in self._by_hand()
        ]

    def _by_hand(self) -> list[tuple[int, LRChange]]:
        """The changes that updates have been made with, each with the row before it (-1: none was made before)."""
        steps = self.run.steps["step"].to_numpy()
        rows = [(int(np.searchsorted(steps, change.step)) - 1, change) for change in self.run.by_hand]
        return [(row, change) for row, change in rows if row + 1 < len(steps)]

    def _end_of(self, row: int) -> float:
        return float(self.at_steps[row]) if row >= 0 else 0.0

    def _through(self, place: float, name: str, **line: Any) -> dict[str, Any]:
        """A line through all charts. Its name says what it means, for the key above them."""
        return {
            "type": "line", "name": name, "layer": "below", "xref": "x", "yref": "paper", "x0": place, "x1": place,
            "y0": 0, "y1": 1, "line": {"color": QUIET if self.alone else self.run.colour, **line},
            "opacity": 0.8 if self.alone else 0.55,
        }  # fmt: skip

    def _gradient(self) -> list[dict[str, Any] | None]:
        """The norm of each update's gradient: of one run faint behind the smoothed one."""
        raw = self._line(GRADIENT, "", self.at_steps[: len(self.norm)], self.norm, width=1, opacity=0.3)
        smoothed = smooth(self.norm, self.window)
        line = self._line(
            GRADIENT, "", self.at_steps[: len(self.norm)], smoothed, "%{y:.3~g}" * self.talkative, width=1.6
        )
        return [raw if self.alone else None, line]

    def _clipped(self, bottom: float) -> dict[str, Any] | None:
        """A tick below each update whose gradient was clipped."""
        if "clipped" not in self.run.steps or not len(self.norm):
            return None
        rows = np.flatnonzero(self.run.steps["clipped"].to_numpy(float) > 0)
        if not len(rows):
            return None
        rows = rows[:: -(-len(rows) // MOST_CLIPPED)]
        shade = CLIPPED if self.alone else self.run.colour
        return self._trace(
            GRADIENT, "clipped", {}, mode="markers", hoverinfo="skip", cliponaxis=False,
            x=typed(self.at_steps[rows]), y=typed(np.full(len(rows), bottom)),
            marker={"symbol": "line-ns", "size": 8, "line": {"width": 1.4, "color": shade}},
        )  # fmt: skip

    def clip_line(self) -> dict[str, Any] | None:
        """The norm that clipping lets through, of a single run."""
        if self.run.clip_norm is None or not self.alone:
            return None
        return {
            "type": "line", "name": "limit", "layer": "below", "xref": "paper", "x0": 0, "x1": 1, "yref": GRADIENT,
            "y0": self.run.clip_norm, "y1": self.run.clip_norm, "line": {"width": 1, "dash": "dot", "color": CLIPPED},
        }  # fmt: skip

    def _group_lrs(self) -> list[dict[str, Any]]:
        """The LR of each parameter group, thin."""
        return [self._used(lr, f"{name}'s", width=1, opacity=0.8) for name, lr in self.group_lrs.items()]

    def _called(self, y_axis: str, what: str) -> str:
        """The name of a trace at the pointer. Plotly reads markup in names, and a run's name is only text."""
        if self.alone:
            return f"{what} {MEASURES[y_axis]}".strip()
        name = self.run.name if len(self.run.name) <= LONGEST_NAME else self.run.name[: LONGEST_NAME - 1] + "…"
        return f"{html.escape(name, quote=False)}, {what}" if what else html.escape(name, quote=False)

    def _trace(self, y_axis: str, what: str, line: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "type": "scatter",
            "mode": "lines",
            "xaxis": "x",
            "yaxis": y_axis,
            "name": self._called(y_axis, what),
            "hoverlabel": {"namelength": -1},
            "line": {"color": self.run.colour, **line},
            **more,
        }

    def _line(
        self, y_axis: str, what: str, places: Floats, values: Floats, shown: str = "", *, width: float,
        dash: str = "solid", customdata: NDArray[np.int64] | None = None, **more: Any,
    ) -> dict[str, Any] | None:  # fmt: skip
        """`shown`: what the box at the pointer says; nothing where it is empty."""
        if not np.isfinite(values).any():
            return None
        rows = thin(values, self.most)
        more |= {"hovertemplate": shown} if shown else {"hoverinfo": "skip"}
        if customdata is not None:
            more["customdata"] = typed(customdata[rows])
        drawable = np.where(np.isfinite(values[rows]), np.clip(values[rows], -LARGEST, LARGEST), np.nan)
        return self._trace(
            y_axis, what, {"width": width, "dash": dash}, x=typed(places[rows]), y=typed(drawable), **more
        )

    def _validation(self, y_axis: str, values: Floats, shown: str) -> dict[str, Any] | None:
        # The row nearest to the pointer may be another epoch's, so each tells its own; people count epochs from 1.
        return self._line(
            y_axis, "validation", self.at_epochs, values, f"{shown} (epoch %{{customdata}})", width=2.2, dash="5px,4px",
            customdata=self.run.epochs["epoch"].to_numpy(np.int64) + 1,
            mode="lines+markers" if len(values) <= MARKED_EPOCHS else "lines", marker={"size": 6},
        )  # fmt: skip

    def _best(self, val_accuracy: Floats) -> dict[str, Any] | None:
        row = self.run.best_row
        if row is None:
            return None
        return self._trace(
            ACCURACY, "best", {}, mode="markers", hoverinfo="skip",
            x=[float(self.at_epochs[row])], y=[float(val_accuracy[row])],
            marker={"symbol": "circle-open", "size": 15, "color": self.run.colour, "line": {"width": 2.5}},
        )  # fmt: skip

    def _lr_used(self) -> dict[str, Any] | None:
        return self._used(self.lr, "", width=2.2) if len(self.lr) else None

    def _used(self, used: Floats, what: str, width: float, **more: Any) -> dict[str, Any]:
        rows = self._lr_rows(used)
        # One point before the first: update 0 holds its LR from 0 to its end.
        lr = np.concatenate([used[:1], used[rows]])
        places = np.concatenate([[0.0], self.at_steps[rows]])
        said = {value: number(value) for value in set(lr.tolist())}
        return self._trace(
            LR, what, {"shape": "vh", "width": width}, x=typed(places), y=typed(lr),
            text=[said[value] for value in lr.tolist()], hovertemplate="%{text}", **more,
        )  # fmt: skip

    def _lr_ahead(self) -> dict[str, Any] | None:
        """What the plan still holds, faint; in seconds nobody knows when it will be."""
        if self.x == "seconds" or not len(self.ahead):
            return None
        rows = self._lr_rows(self.ahead)
        places = np.concatenate([[0], rows + 1]) + self.next_step
        return self._trace(
            LR, "", {"shape": "vh", "width": 1.4, "dash": "2px,3px"}, hoverinfo="skip", opacity=0.5,
            x=typed(places / (self.run.steps_per_epoch if self.x == "epoch" else 1)),
            y=typed(np.concatenate([self.ahead[:1], self.ahead[rows]])),
        )  # fmt: skip

    def _lr_rows(self, lr: Floats) -> NDArray[np.int64]:
        """Both sides of every jump where jumps are few, else the lowest and highest of every stretch."""
        jumps = np.flatnonzero(np.diff(lr))
        if len(jumps) > self.most // 2:
            return thin(lr, self.most)
        spread = np.linspace(0, len(lr) - 1, min(len(lr), self.most // 4)).astype(np.int64)
        return each_once(len(lr), spread, jumps, jumps + 1)

    def _no_number(self, smoothed: Floats, highest: float) -> dict[str, Any] | None:
        """A cross where the training loss first was not a number."""
        bad = np.flatnonzero(~np.isfinite(self.loss))
        if not len(bad):
            return None
        before = smoothed[: bad[0]]
        height = float(before[-1]) if len(before) else highest
        update = int(self.run.steps["step"].to_numpy()[bad[0]]) + 1
        return self._trace(
            LOSS, "training", {}, mode="markers", cliponaxis=False,
            x=[float(self.at_steps[bad[0]])], y=[min(height, highest)],
            marker={"symbol": "x", "size": 11, "color": NO_NUMBER},
            hovertemplate=f"not a number from update {update:,} on",
        )  # fmt: skip


def _jumps(lr: Floats) -> NDArray[np.int64]:
    """The rows after which the LR moves while it stands still on both sides."""
    moved = np.concatenate([[False], np.diff(lr) != 0, [False]])
    return np.asarray(np.flatnonzero(moved[1:-1] & ~moved[:-2] & ~moved[2:]), dtype=np.int64)
