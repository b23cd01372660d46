"""A person's own formula for LambdaLR and MultiplicativeLR: read by our own grammar, computed in NumPy, never executed.

A formula is arithmetic in Python's spelling (`0.65 ** epoch`, `1 if epoch < 5 else 0.1`); `formula_parser` holds the
grammar. Everything is float64. Where a value is needed and does not exist (division by zero, overflow, the logarithm
of 0), the formula is refused with the first value of the counter at which that happens; what a conditional, `and` or
`or` does not select is not needed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lrlab.schedules.formula_code import write_python
from lrlab.schedules.formula_lanes import Fault, Lanes, evaluate
from lrlab.schedules.formula_parser import parse
from lrlab.schedules.formula_tokens import refusal, shortened
from lrlab.schedules.formula_tree import CONSTANTS, FUNCTIONS, VARIABLES, Value

__all__ = ["CONSTANTS", "FUNCTIONS", "VARIABLES", "Formula", "parse_formula"]

Floats = NDArray[np.float64]

BLOCK = 16_384
"""So many lanes are computed at a time: every intermediate stays in the processor's cache, and memory stays bounded."""


@dataclass(frozen=True)
class Formula:
    """A formula that was read and found legal. Equal texts are equal formulas.

    `text`: as the person wrote it, without the space around it. `names`: the variables it uses.
    """

    text: str
    names: frozenset[str]
    _tree: Value = field(repr=False, compare=False)

    def __call__(self, variables: Mapping[str, Floats | float]) -> Floats:
        """The formula's value at every lane, float64, in the common shape of all `variables` and at least 1-D.

        `variables`: finite numbers or arrays that broadcast, by name; they may hold more than the formula uses.
        Raises LabError (field "formula") where a variable that it uses is missing, and where at some lane an
        intermediate value is not a finite real number or the result is negative; the message names the first such
        lane by its `epoch`, or by its `step` where the formula speaks of steps only.
        """
        shape = np.broadcast_shapes((1,), *(np.shape(given) for given in variables.values()))
        given = {name: self._given(name, variables, shape) for name in self.names}
        result = np.empty(math.prod(shape))
        with np.errstate(all="ignore"):
            for start in range(0, len(result), BLOCK):
                block = slice(start, min(start + BLOCK, len(result)))
                try:
                    values = self._values(given, block)
                except Fault as fault:
                    first = self._first(given, block, fault)
                    place = self._place(variables, shape, start + first.lane)
                    raise refusal(first.what + place + (first.allowed and f"; allowed: {first.allowed}")) from None
                # Adding 0 copies a bare variable, fills in a constant and makes a plain 0 of -0.
                np.add(values, 0.0, out=result[block])
        negative = result < 0
        if negative.any():
            lane = int(negative.argmax())
            raise refusal(
                f"{shortened(self.text)} is negative{self._place(variables, shape, lane)} ({result[lane]:.6g}); "
                "allowed: 0 or more, such as max(0, ...)"
            )
        return result.reshape(shape)

    def python(self, names: Mapping[str, str] | None = None) -> str:
        """The formula as a Python expression of the same value, which needs `import math` and built-in functions only.

        `names` gives Python expressions for variables, such as {"total": "30"}; the others keep their names. The
        counters may be ints, as torch passes them: wherever Python's unbounded ints would differ from float64, the
        expression makes them floats.
        """
        return write_python(self._tree, names or {})

    def _given(self, name: str, variables: Mapping[str, Floats | float], shape: tuple[int, ...]) -> Floats | float:
        if name not in variables:
            raise refusal(f"{name!r} has no value here; allowed: {', '.join(variables) or 'no variable'}")
        value = np.asarray(variables[name], dtype=np.float64)
        if not np.isfinite(value).all():
            raise refusal(f"{name!r} is not finite everywhere")
        return float(value) if value.ndim == 0 else np.broadcast_to(value, shape).ravel()

    def _values(self, given: Mapping[str, Floats | float], block: slice) -> Floats | float:
        part = {name: value[block] if isinstance(value, np.ndarray) else value for name, value in given.items()}
        return evaluate(self._tree, Lanes(self.text, part))

    def _first(self, given: Mapping[str, Floats | float], block: slice, fault: Fault) -> Fault:
        """The fault of the earliest lane in `block`: another part of the formula may fail before the one found."""
        while fault.lane > 0:
            try:
                self._values(given, slice(block.start, block.start + fault.lane))
            except Fault as earlier:
                fault = earlier
            else:
                break
        return fault

    def _place(self, variables: Mapping[str, Floats | float], shape: tuple[int, ...], lane: int) -> str:
        counters = ("step", "epoch") if "step" in self.names and "epoch" not in self.names else ("epoch", "step")
        known = [name for name in (*counters, *sorted(self.names)) if name in variables]
        if not self.names or not known:
            return ""
        value = float(np.broadcast_to(variables[known[0]], shape).flat[lane])
        return f" at {known[0]} {value:.15g}"


@lru_cache(maxsize=256)  # a formula is read when its spec is, and again wherever it is computed
def parse_formula(text: str) -> Formula:
    """The formula that `text` says; a leading "lambda NAME:" is dropped, NAME being the counter `epoch`.

    At most 500 characters, 200 parts and 32 nested brackets. Raises LabError (field "formula") that quotes the part
    at fault and says what is allowed. A formula without variables is computed at once, so that 1 / 0 fails here.
    """
    text = text.strip(" \t\r\n")
    tree, names = parse(text)
    formula = Formula(text, names, tree)
    if not names:
        formula({})
    return formula
