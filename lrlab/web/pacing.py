"""How often views are looked at: in a full class more seldom, so that looking never takes the server for itself."""

from __future__ import annotations

from collections.abc import Hashable

SHARE = 0.06
"""Of one core, for looking at all views together; sending the news to thirty tabs comes on top, at half of that."""

LONGEST = 3.0
"""Seconds between two looks at a view, however many views there are."""

_NEWEST = 0.2  # the weight of the newest look in what a view's looks are said to take


class Pace:
    """The interval between two looks, the same for every view: `tick` seconds, or as many as SHARE demands.

    Thirty views that gain rows all the time take 6 ms each, so they are looked at every 3 s; thirty tabs on one view
    are one view. A server that looked at all of them twice a second would fall behind, and with it every page.
    """

    def __init__(self, tick: float) -> None:
        self._tick = tick
        self._costs: dict[Hashable, float] = {}

    @property
    def interval(self) -> float:
        """Seconds until the next look."""
        return max(self._tick, min(sum(self._costs.values()) / SHARE, LONGEST))

    def took(self, view: Hashable, seconds: float) -> None:
        """A look at `view` took `seconds` of one core."""
        before = self._costs.get(view, seconds)
        self._costs[view] = before + _NEWEST * (seconds - before)

    def forget(self, view: Hashable) -> None:
        """Nobody looks at `view` any more."""
        self._costs.pop(view, None)
