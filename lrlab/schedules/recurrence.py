"""What a stretch of calls makes of the LR when one or several schedulers act on it, one after the other, in each call.

Where a scheduler sets the LR, or all only multiply it, this is a few NumPy passes in torch's own order of operations.
A cosine alone has a closed form. What is left, a cosine with an eta_min among others, is the recurrence itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrlab.schedules.cosines import Cosine, cosines
from lrlab.schedules.leaves import Absolute, Factor, Floats, Leaf

ROUNDING = 1e5
"""Above this ratio torch's own rounding at a cosine's low point shows in the tenth digit at the next peak."""


@dataclass(frozen=True)
class Call:
    """`leaf` steps to the counters first, first + 1, ..."""

    leaf: Leaf[Any]
    first: int


@dataclass(frozen=True)
class Switch:
    """SequentialLR sets the LR to `lr`, whatever it was."""

    lr: float


Act = Call | Switch


@dataclass(frozen=True)
class _Lines:
    """Each call makes r x (LR - m) + m + a of the LR; shape (n,) each."""

    r: Floats
    m: Floats
    a: Floats


def advance(lr: float, acts: Sequence[Act], out: Floats) -> None:
    """Fills `out` with the LR after each of as many calls, each of which does all of `acts` in order, from `lr` on."""
    n = len(out)
    if not acts:
        out[:] = lr
        return
    only = acts[0] if len(acts) == 1 else None
    if isinstance(only, Call) and isinstance(only.leaf, Factor):
        only.leaf.apply(lr, only.first, out)
        return
    if isinstance(only, Call) and isinstance(only.leaf, Cosine):
        out[:] = _cosine(lr, n, only.leaf, only.first)
        return
    values: Floats | None = None
    pending: list[_Lines] = []
    for act in acts:  # every act is computed, also where a later one overrides it: torch would raise in it
        found = _set_by(act, n)
        if found is not None:
            values, pending = found, []
        elif values is not None:
            lines = _lines(act, n)
            values = lines.r * (values - lines.m) + lines.m + lines.a
        else:
            pending.append(_lines(act, n))
    out[:] = values if values is not None else _recurred(lr, pending)


def momenta(n: int, acts: Sequence[Act]) -> Floats | None:
    """The momentum after each of n calls; None where no act moves it."""
    moved = None
    for act in acts:
        if isinstance(act, Call) and isinstance(act.leaf, Absolute) and act.leaf.moves_momentum:
            moved = act.leaf.momenta(act.first, n)
    return moved


def _set_by(act: Act, n: int) -> Floats | None:
    if isinstance(act, Switch):
        return np.full(n, act.lr)
    if isinstance(act.leaf, Absolute):
        return act.leaf.values(act.first, n)
    return None


def _lines(act: Act, n: int) -> _Lines:
    assert isinstance(act, Call)
    if isinstance(act.leaf, Cosine):
        return _Lines(*act.leaf.lines(act.first, n))
    assert isinstance(act.leaf, Factor)
    nothing = np.broadcast_to(0.0, n)
    return _Lines(act.leaf.factors(act.first, n), nothing, nothing)


def _recurred(lr: float, lines: Sequence[_Lines]) -> Floats:
    """The recurrence over all calls, in pieces that only multiply wherever that is worth a piece."""
    n = len(lines[0].r)
    if any(line.m.any() for line in lines):
        return _one_by_one(lr, lines)
    added = np.flatnonzero(np.any([line.a != 0 for line in lines], axis=0))
    if len(added) > max(8, n // 200):
        return _one_by_one(lr, lines)
    values, at = np.empty(n), 0
    for restart in (*added, n):
        if restart > at:
            values[at:restart] = _multiplied(lr, [line.r[at:restart] for line in lines])
            lr = float(values[restart - 1])
        if restart < n:
            row = [_Lines(line.r[restart:][:1], line.m[restart:][:1], line.a[restart:][:1]) for line in lines]
            values[restart : restart + 1] = _one_by_one(lr, row)
            lr = float(values[restart])
        at = restart + 1
    return values


def _multiplied(lr: float, factors: Sequence[Floats]) -> Floats:
    """lr times all factors of each call, in torch's order: call by call, scheduler by scheduler."""
    if len(factors) == 1:
        product = factors[0].copy()
        product[0] *= lr
        return np.multiply.accumulate(product, out=product)
    product = np.stack(factors, axis=1).ravel()
    product[0] *= lr
    return np.multiply.accumulate(product, out=product)[len(factors) - 1 :: len(factors)]


def _one_by_one(lr: float, lines: Sequence[_Lines]) -> Floats:
    """torch's own operations in Python: where an LR is subtracted from another, another order of operations shows."""
    ratios, lows, added = (
        np.stack(rows, axis=1).ravel().tolist()
        for rows in ([line.r for line in lines], [line.m for line in lines], [line.a for line in lines])
    )
    values = []
    for ratio, low, more in zip(ratios, lows, added, strict=True):
        lr = ratio * (lr - low) + low + more
        values.append(lr)
    return np.array(values[len(lines) - 1 :: len(lines)])


def _cosine(lr: float, n: int, leaf: Cosine, first: int) -> Floats:
    """A cosine alone. Between two restarts torch's ratios telescope, and at a low point the LR is exactly eta_min.

    After a low point the LR starts anew from (1 - cos(pi/T)) / 2 of the way, which for some T differs from the cosine
    in floating point (2e-9 for a T below 10,000, 8e-8 below 60,000), and keeps that ratio until the next low point.
    """
    low, period = leaf.spec.eta_min, leaf.spec.T_max
    before = leaf.height(first - 1)
    if before == 0:  # the first call is a restart, from wherever other schedulers have moved the LR
        risen = lr + leaf.restart
        return np.concatenate([[risen], _cosine(risen, n - 1, leaf, first + 1)]) if n > 1 else np.array([risen])
    fall = min(n, (period + 1 - first) % (2 * period))
    if low > 1000 * lr or abs(lr - low) > 10 * before * max(lr, leaf.base):
        return _one_by_one(lr, [_Lines(*leaf.lines(first, n))])
    values = cosines(first, n, period)
    values += 1
    values[:fall] *= (lr - low) / before
    if fall < n:
        if low * period**2 > ROUNDING * leaf.base:
            values[:fall] += low
            lr = float(values[fall - 1]) if fall else lr
            values[fall:] = _one_by_one(lr, [_Lines(*leaf.lines(first + fall, n - fall))])
            return values
        values[fall:] *= _rises(leaf, first + fall, n - fall)
    values += low
    return values


def _rises(leaf: Cosine, first: int, n: int) -> Floats:
    """What the height is multiplied by from each restart to the next; the first call is one."""
    starts = range(first, first + n, 2 * leaf.spec.T_max)
    heights = np.array([leaf.height(start) for start in starts])
    return np.repeat(leaf.restart / heights, 2 * leaf.spec.T_max)[:n]
