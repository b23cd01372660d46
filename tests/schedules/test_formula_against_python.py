"""A formula is worth what Python makes of the same text, lane by lane, and is refused where Python has no value.

Python's floats are the oracle. NumPy's exp, log, sin, cos and powers may differ from Python's in the last bit, and a
comparison, a floor or a difference can make much of a last bit; so the oracle carries with every value how far apart
the two may be. Where a decision hangs on less than that it abstains (seen: at 7 lanes of 1,000).
"""

from __future__ import annotations

import ast
import math
import os
import warnings
from collections.abc import Callable
from types import CodeType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrlab.errors import LabError
from lrlab.schedules.formula import FUNCTIONS, VARIABLES, parse_formula

EXAMPLES = 2000 if os.environ.get("LRLAB_LONG") == "1" else 250
EPOCHS = [*range(12), 39, 99]
TOTAL = 100


class Abstained(Exception):
    """A last bit decides here: either outcome is right."""


class Tracked(float):
    """A float of Python's that knows how far (`slack`) a right computation of the same value may be from it.

    It raises what Python raises, and where Python returns an infinity or a complex number it raises too.
    """

    slack: float

    def __new__(cls, value: Any, slack: float = 0.0) -> Tracked:
        if not math.isfinite(value):
            raise ArithmeticError(f"no finite number: {value}")
        if slack and abs(value) > 1.7e308:
            raise Abstained
        self = super().__new__(cls, value)
        self.slack = slack + (math.ulp(value) if slack else 0.0)
        return self

    def __add__(self, other: Any) -> Tracked:
        return Tracked(float(self) + float(other), self.slack + slack(other))

    def __mul__(self, other: Any) -> Tracked:
        a, b = float(self), float(other)
        return Tracked(a * b, abs(a) * slack(other) + abs(b) * self.slack + self.slack * slack(other))

    def __truediv__(self, other: Any) -> Tracked:
        a, b = float(self), float(other)
        room = abs(b) - slack(other)
        if slack(other) and room <= 0:
            raise Abstained
        quotient = a / b
        return Tracked(quotient, (self.slack + abs(quotient) * slack(other)) / room if self.slack + slack(other) else 0)

    def __floordiv__(self, other: Any) -> Tracked:
        exact = not self.slack + slack(other)
        return Tracked(float(self) // float(other)) if exact else rounded(math.floor, self / other)

    def __mod__(self, other: Any) -> Tracked:
        exact = not self.slack + slack(other)
        if exact:
            return Tracked(float(self) % float(other))
        whole = abs(float(self // other))
        return Tracked(float(self) % float(other), self.slack + whole * slack(other) + inexact(float(self)))

    def __pow__(self, other: Any, modulus: Any = None) -> Tracked:
        a, b = float(self), float(other)
        if self.slack + slack(other) and a <= self.slack:
            raise Abstained
        power = a**b
        if isinstance(power, complex):
            raise ArithmeticError(f"no real number: {power}")
        moved = abs(b) * self.slack / abs(a) if self.slack else 0.0
        moved += abs(math.log(a)) * slack(other) if slack(other) else 0.0
        return Tracked(power, 2 * moved * abs(power) + inexact(power))

    def __neg__(self) -> Tracked:
        return Tracked(-float(self), self.slack)

    def __pos__(self) -> Tracked:
        return self

    def __abs__(self) -> Tracked:
        return Tracked(abs(float(self)), self.slack)

    def __sub__(self, other: Any) -> Tracked:
        return self + -Tracked(other, slack(other))

    def __radd__(self, other: Any) -> Tracked:
        return Tracked(other) + self

    def __rsub__(self, other: Any) -> Tracked:
        return Tracked(other) - self

    def __rmul__(self, other: Any) -> Tracked:
        return Tracked(other) * self

    def __rtruediv__(self, other: Any) -> Tracked:
        return Tracked(other) / self

    def __rfloordiv__(self, other: Any) -> Tracked:
        return Tracked(other) // self

    def __rmod__(self, other: Any) -> Tracked:
        return Tracked(other) % self

    def __rpow__(self, other: Any, modulus: Any = None) -> Tracked:
        return Tracked(other) ** self

    def decided(self, other: Any) -> tuple[float, float]:
        apart = self.slack + slack(other)
        if apart and abs(float(self) - float(other)) <= apart:
            raise Abstained
        return float(self), float(other)

    def __lt__(self, other: Any) -> bool:
        a, b = self.decided(other)
        return a < b

    def __le__(self, other: Any) -> bool:
        a, b = self.decided(other)
        return a <= b

    def __gt__(self, other: Any) -> bool:
        a, b = self.decided(other)
        return a > b

    def __ge__(self, other: Any) -> bool:
        a, b = self.decided(other)
        return a >= b

    def __eq__(self, other: object) -> bool:
        a, b = self.decided(other)
        return a == b

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __bool__(self) -> bool:
        return self != 0

    __hash__ = None  # type: ignore[assignment]


def slack(value: Any) -> float:
    return value.slack if isinstance(value, Tracked) else 0.0


def inexact(value: float) -> float:
    """Four last bits: what two good implementations of one function may differ by."""
    return 4 * math.ulp(value)


def rounded(function: Callable[[float], int], x: Any) -> Tracked:
    if slack(x) and abs(float(x) - round(float(x))) <= slack(x):
        raise Abstained
    return Tracked(function(float(x)))


def smooth(name: str, steepness: Callable[[float], float], only_positive: bool = False) -> Callable[[Any], Tracked]:
    """math's function of this name; `steepness(x)` bounds its slope around x."""

    def function(x: Any) -> Tracked:
        if only_positive and slack(x) and float(x) <= 2 * slack(x):
            raise Abstained
        value = getattr(math, name)(float(x))
        moved = 2 * steepness(float(x)) * slack(x) if slack(x) else 0.0
        return Tracked(value, moved + (inexact(value) if name != "sqrt" else 0.0))

    return function


MATH = SimpleNamespace(
    pi=Tracked(math.pi),
    e=Tracked(math.e),
    exp=smooth("exp", lambda x: math.exp(x)),
    sqrt=smooth("sqrt", lambda x: 0.5 / math.sqrt(x), only_positive=True),
    log=smooth("log", lambda x: 1 / x, only_positive=True),
    log2=smooth("log2", lambda x: 1.5 / x, only_positive=True),
    log10=smooth("log10", lambda x: 0.5 / x, only_positive=True),
    sin=smooth("sin", lambda x: 1.0),
    cos=smooth("cos", lambda x: 1.0),
    floor=lambda x: rounded(math.floor, x),
    ceil=lambda x: rounded(math.ceil, x),
)
NAMES: dict[str, Any] = {
    **vars(MATH),
    "math": MATH,
    "clip": lambda x, low, high: min(max(x, low), high),
    "Tracked": Tracked,
}


class Track(ast.NodeTransformer):
    """Numbers in the text become Tracked, so that 2 ** 0.5 is watched as well."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Call(ast.Name("Tracked", ast.Load()), [node], [])


def compiled(text: str) -> CodeType:
    tree = ast.fix_missing_locations(Track().visit(ast.parse(text, mode="eval")))
    return compile(tree, "<oracle>", "eval")


def oracle(code: CodeType, lane: dict[str, float]) -> Tracked | None:
    """Python's own value; None where it has no finite real one. Raises Abstained."""
    try:
        value = eval(code, NAMES | {name: Tracked(value) for name, value in lane.items()})  # noqa: S307
        return Tracked(value, slack(value))
    except (ArithmeticError, ValueError):
        return None


def outcome(code: CodeType, lane: dict[str, float]) -> Tracked | str:
    """What is to come of the formula at one lane: its value, "refused", or "abstained" where a last bit decides."""
    try:
        value = oracle(code, lane)
    except Abstained:
        return "abstained"
    if value is None:
        return "refused"
    if float(value) >= 0:
        return value
    return "refused" if float(value) + value.slack < 0 else "abstained"


def lane(epoch: int) -> dict[str, float]:
    return {"epoch": float(epoch), "step": 7.0 * epoch, "t": epoch / TOTAL, "total": float(TOTAL)}


written = ["0", "1", "2", "3", "7", "10", "30", "100", "0.1", "0.5", "0.65", ".25", "2.", "1e-3", "2.5E+2", "1e308"]
variables = ["epoch", "epoch", "epoch", "step", "t", "t", "total", "pi", "e"]
leaves = st.one_of(
    st.sampled_from(variables), st.sampled_from(variables), st.sampled_from(written), st.floats(0, 20).map(repr)
)
operators = st.sampled_from(["+", "-", "*", "/", "//", "%", "**"])
comparisons = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
functions = st.sampled_from([name for name in FUNCTIONS if name not in ("min", "max", "clip")])
spaces = st.sampled_from([" ", "", " "])
forms = st.sampled_from(
    [*["binary"] * 6, *["call"] * 3, "brackets", "brackets", "sign", "min", "clip", "if", "if", "truth"]
)


@st.composite
def value(draw: st.DrawFn, depth: int) -> str:
    """Arithmetic mostly without brackets, so that precedence is at stake; now and then it is not Python at all."""

    def part() -> str:
        return draw(value(draw(st.integers(0, depth - 1))))

    if depth == 0:
        return draw(leaves)
    match draw(forms):
        case "binary":
            space = draw(spaces)
            return f"{part()}{space}{draw(operators)}{space}{part()}"
        case "call":
            return f"{draw(functions)}({part()})"
        case "brackets":
            return f"({part()})"
        case "sign":
            return f"{draw(st.sampled_from('+-'))}{part()}"
        case "min":
            return f"{draw(st.sampled_from(['min', 'max']))}({part()}, {part()})"
        case "clip":
            return f"clip({part()}, {part()}, {part()})"
        case "if":
            return f"{part()} if {draw(condition(depth - 1))} else {part()}"
        case _:
            return f"({draw(condition(depth - 1))})"


@st.composite
def condition(draw: st.DrawFn, depth: int) -> str:
    parts = [draw(value(draw(st.integers(0, depth)))) for _ in range(draw(st.sampled_from([2, 2, 2, 3])))]
    text = parts[0] + "".join(f" {draw(comparisons)} {part}" for part in parts[1:])
    match draw(st.sampled_from(["", "", "", "not", "and", "or", "brackets"])):
        case "not":
            return f"not {text}"
        case "and" | "or" as word:
            return f"{text} {word} {draw(condition(depth))}"
        case "brackets":
            return f"({text}) {draw(st.sampled_from(['and', 'or']))} {draw(condition(depth))}"
    return text


formulas = st.integers(1, 5).flatmap(value).filter(lambda text: len(text) <= 500)
long = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def is_python(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return True


def ours(text: str) -> tuple[Any, str]:
    """The formula, or None and why it was refused."""
    try:
        return parse_formula(text), ""
    except LabError as error:
        assert error.field == "formula"
        return None, str(error)


@long
@given(formulas)
def test_a_lane_is_worth_what_python_makes_of_the_text_and_of_the_exported_expression(text: str) -> None:
    formula, refused = ours(text)
    if not is_python(text):
        assert formula is None
        return
    typed = compiled(text)
    if formula is None:
        if "needs a comparison" not in refused:  # only a formula without variables is computed when it is read
            assert not {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)} & set(VARIABLES)
            assert outcome(typed, {}) in ("refused", "abstained"), refused
        return
    exported = formula.python()
    written = compiled(exported)
    plain = compile(exported, "<exported>", "eval")
    for epoch in EPOCHS:
        variables = lane(epoch)
        expected = outcome(typed, variables)
        if isinstance(expected, str):
            if expected == "refused":
                with pytest.raises(LabError, match=r"^formula: "):
                    formula(variables)
            continue
        (value,) = formula(variables)
        assert abs(value - float(expected)) <= max(1e-12 * float(expected), 2 * expected.slack), float(expected)
        same = outcome(written, variables)  # it may abstain alone: truth values that it counts as 1 were exact before
        assert isinstance(same, str) or float(same) == float(expected), exported
        counters = {name: int(variables[name]) for name in ("epoch", "step", "total")}
        as_torch = eval(plain, {"math": math, "t": variables["t"], **counters})  # noqa: S307
        assert as_torch == float(expected), exported


@long
@given(formulas, st.integers(1, 40))
def test_many_lanes_are_worth_what_each_is_alone_and_the_first_at_fault_is_named(text: str, block: int) -> None:
    formula, _ = ours(text)
    if formula is None:
        return
    alone: list[float | str] = []
    for epoch in range(TOTAL):
        try:
            alone.append(float(formula(lane(epoch))[0]))
        except LabError as error:
            alone.append(str(error))
    together = {name: np.array([lane(epoch)[name] for epoch in range(TOTAL)]) for name in ("epoch", "step", "t")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lrlab.schedules.formula.BLOCK", block)
        faults = [reason for reason in alone if isinstance(reason, str)]
        if not faults:
            np.testing.assert_allclose(formula(together | {"total": float(TOTAL)}), alone, rtol=1e-9, atol=1e-9)
            return
        # A negative result is told only where every value exists.
        first = next((reason for reason in faults if "is negative" not in reason), faults[0])
        with pytest.raises(LabError) as refused:
            formula(together | {"total": float(TOTAL)})
        assert str(refused.value) == first
