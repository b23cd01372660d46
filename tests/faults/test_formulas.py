"""Strings that mean harm, nonsense or a formula: none executes anything, none is slow, each is computed or refused.

2,000 strings, or 100,000 with LRLAB_LONG=1; the same ones every time. Python's audit hook watches while a string is
read, computed and exported: not one event may be raised, neither exec, compile, import nor open, nor any other.
"""

from __future__ import annotations

import ast
import gc
import math
import os
import random
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from lrlab.errors import LabError
from lrlab.schedules.formula import Formula, parse_formula

STRINGS = 100_000 if os.environ.get("LRLAB_LONG") == "1" else 2_000
SECONDS = 0.05

REFUSED = [
    # text, what the message must name
    ("__import__('os').system('x')", '"\'" at character 12'),
    ("().__class__.__bases__[0].__subclasses__()", "'['"),
    ("(lambda:0).__globals__", "':'"),
    ("open('/etc/passwd').read()", '"\'" at character 6'),
    ("eval('1')", '"\'" at character 6'),
    ("getattr(epoch,'real')", '"\'" at character 15'),
    ("epoch.bit_length()", "'.bit_length' at character 6"),
    ('"{0.__class__}".format(epoch)', "'\"' at character 1"),
    ('f"{epoch.__class__}"', "'\"' at character 2"),
    ("9**9**9**9", "9**9**9 is too large"),
    ("(-1)**0.5", "(-1)**0.5 raises -1 to the power 0.5, which has no real value"),
    ("1e308*10", "1e308*10 is too large"),
    ("0/0", "0/0 divides by zero"),
    ("epoch<<10**9", "got '<' at character 7, where a value is expected"),
    ("'a'*10**10", '"\'" at character 1'),
    ("[0]*10**9", "'[' at character 1"),
    ("[i for i in range(10**9)]", "'[' at character 1"),
    ("exp(exp(exp(epoch)))", "exp(exp(exp(epoch))) is too large at epoch 2"),
    ("factorial(10**7)", "'factorial' is not known here"),
    ("(y:=5)", "':' at character 3"),
    ("(yield)", "'yield' stands where a value is expected"),
    ("1;import os", "';' at character 2"),
    ("ｅｖａｌ('1')", "'ｅ' at character 1"),
    ("(" * 10_000 + "1" + ")" * 10_000, "20,001 characters, allowed: at most 500"),
    ("epoch if epoch else __builtins__", "'__builtins__' is not known here"),
    ("1/(epoch-50)", "1/(epoch-50) divides by zero at epoch 50"),
]

EPOCH = np.arange(100.0)
RUN = {"epoch": EPOCH, "step": 10 * EPOCH, "t": EPOCH / 100, "total": 100.0}

HOSTILE = [
    "__import__('os').system('x')", "().__class__.__bases__[0].__subclasses__()", "(lambda:0).__globals__", "(y:=5)",
    "open('/etc/passwd').read()", "eval('1')", "getattr(epoch,'real')", "epoch.bit_length()", "__builtins__", "(yield)",
    '"{0.__class__}".format(epoch)', 'f"{epoch.__class__}"', "9**9**9**9", "(-1)**0.5", "1e308*10", "0/0",
    "epoch<<10**9", "'a'*10**10", "[0]*10**9", "[i for i in range(10**9)]", "exp(exp(exp(epoch)))", "factorial(10**7)",
    "1;import os", "ｅｖａｌ('1')", "(" * 200, ")" * 200, "-" * 400, "2**" * 150, "abs(" * 100, "not " * 100, "exec",
    "1 if t else " * 40, "compile", "math.__loader__", "np.load(1)", "globals()", "lambda epoch: ", "lambda: 0", "\x00",
    "import os", "\\\n", "#", "1_0", "0x1f", "1j", "1e999", "9" * 400, "…", "\ud800", "٣", "𝟗", "\u202e", "{**epoch}",
    "`epoch`", "await t", "print", "breakpoint()", "exit", "...", "@", "1/(epoch-50)", "async", "is", "in",
]  # fmt: skip
WORDS = [
    "epoch", "step", "t", "total", "pi", "e", "min", "max", "abs", "sqrt", "exp", "log", "log2", "log10", "sin", "cos",
    "floor", "ceil", "clip", "pow", "float", "math.", "np.", "if", "else", "and", "or", "not", "lambda", "0", "1",
    "0.65", "1e308", "1e-308", "(", ")", ",", "+", "-", "*", "/", "//", "%", "**", "<", "<=", "==", "!=", ">",
    ":", ".5", "7.",
]  # fmt: skip
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", " + ", " * "]
CALLS = ["abs", "sqrt", "exp", "log", "log2", "log10", "sin", "cos", "floor", "ceil", "math.exp", "np.cos", "float"]


def grammatical(draw: random.Random, depth: int = 4) -> str:
    """A formula: its shape is legal, its values may not be."""
    if depth == 0 or draw.random() < 0.15:
        return draw.choice(
            ["epoch", "epoch", "t", "step", "total", "pi", "0.65", "2", "1e-3", str(draw.randrange(100))]
        )
    below = [grammatical(draw, depth - 1) for _ in range(3)]
    compared = f"{below[0]} {draw.choice(['<', '<=', '>', '>=', '==', '!='])} {below[1]}"
    return draw.choice(
        [
            draw.choice(OPERATORS).join(below[:2]),
            draw.choice(OPERATORS).join(below),
            f"({below[0]})",
            f"-{below[0]}",
            f"{draw.choice(CALLS)}({below[0]})",
            f"{draw.choice(['min', 'max', 'pow'])}({below[0]}, {below[1]})",
            f"clip({', '.join(below)})",
            f"({compared})",
            f"({below[2]} if {draw.choice(['', 'not '])}{compared} else {below[1]})",
            f"({below[2]} if {compared} {draw.choice(['and', 'or'])} {below[2]} < 1 else {below[0]})",
        ]
    )


def mutated(draw: random.Random) -> str:
    """A formula in which a word or a few characters were lost, doubled or replaced."""
    text = grammatical(draw)
    for _ in range(draw.randint(1, 3)):
        start = draw.randint(0, len(text))
        end = start + draw.choice([0, 0, 1, 1, 2, 6])
        put = ["", text[start:end] * 2, draw.choice(WORDS), chr(draw.randrange(32, 127)), draw.choice(HOSTILE)]
        text = text[:start] + draw.choices(put, weights=[4, 4, 4, 2, 1])[0] + text[end:]
    return text


def hostile(draw: random.Random) -> str:
    parts = [
        draw.choice([draw.choice(HOSTILE), draw.choice(WORDS), grammatical(draw, 2)]) for _ in range(draw.randint(1, 5))
    ]
    return draw.choice(["", " ", "+", "*", "**", "("]).join(parts)


def soup(draw: random.Random) -> str:
    return draw.choice(["", " "]).join(draw.choice(WORDS) for _ in range(draw.randint(0, 40)))


def ascii_noise(draw: random.Random) -> str:
    return "".join(chr(draw.randrange(128)) for _ in range(draw.randint(0, 80)))


def unicode_noise(draw: random.Random) -> str:
    return "".join(chr(int(0x110000 ** draw.random())) for _ in range(draw.randint(0, 40)))


def endless(draw: random.Random) -> str:
    return draw.choice(HOSTILE + WORDS) * draw.choice([30, 1000, 10_000])


KINDS: dict[Callable[[random.Random], str], int] = {
    grammatical: 40, mutated: 25, hostile: 15, soup: 12, ascii_noise: 4, unicode_noise: 3, endless: 1
}  # fmt: skip


class Watch:
    """Counts the audit events of the thread that is inside `watching`. A hook can never be taken away again."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()
        self.thread: int | None = None
        sys.addaudithook(self.hook)

    def hook(self, event: str, _arguments: Any) -> None:
        if self.thread is not None and threading.get_ident() == self.thread:
            self.events[event] += 1

    @contextmanager
    def watching(self) -> Iterator[None]:
        self.thread = threading.get_ident()
        try:
            yield
        finally:
            self.thread = None


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


def attempt(text: str) -> tuple[Formula, np.ndarray, str] | str:
    """The formula, its values over a run and its export, or why it was refused."""
    try:
        formula = parse_formula(text)
        return formula, formula(RUN), formula.python()
    except LabError as error:
        assert error.field == "formula"
        return str(error)


def test_the_watch_sees_what_must_not_happen(watch: Watch) -> None:
    watch.events.clear()
    with watch.watching():
        eval("1 + 1")  # noqa: S307
        with open(os.devnull):  # noqa: PTH123
            pass
    assert {"compile", "exec", "open"} <= set(watch.events)


@pytest.mark.parametrize(("text", "named"), REFUSED)
def test_what_is_hostile_is_refused_by_name_and_not_executed(watch: Watch, text: str, named: str) -> None:
    watch.events.clear()
    with watch.watching():
        outcome = attempt(text)
    assert isinstance(outcome, str)
    assert named in outcome
    assert not watch.events


@pytest.mark.timeout(1800)
def test_no_string_executes_anything_or_takes_long(watch: Watch, figure: Callable[[str, str], None]) -> None:
    draw = random.Random(2026)
    kinds = draw.choices(list(KINDS), weights=list(KINDS.values()), k=STRINGS)
    attempt("0.65 ** epoch")
    watch.events.clear()
    gc.freeze()  # what the tests before this one left behind is not to be searched on a formula's time
    accepted: Counter[str] = Counter()
    slowest, slow = (0.0, ""), 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in kinds:
            text = kind(draw)
            began = time.thread_time()
            with watch.watching():
                outcome = attempt(text)
            took = time.thread_time() - began
            slowest, slow = max(slowest, (took, text)), slow + (took > SECONDS)
            if isinstance(outcome, str):
                assert outcome.startswith("formula: "), text
                assert len(outcome) < 500, text
                continue
            accepted[kind.__name__] += 1
            formula, values, exported = outcome
            assert values.shape == EPOCH.shape, text
            assert np.isfinite(values).all(), text
            assert (values >= 0).all(), text
            check_is_arithmetic(formula.text)
            check_is_arithmetic(exported)
    gc.unfreeze()
    figure(
        "formulas",
        f"{STRINGS:,} strings: {watch.events.total()} audit events, {slow} above {1000 * SECONDS:.0f} ms, "
        f"the slowest took {1000 * slowest[0]:.2f} ms; computed: {dict(accepted)}",
    )
    assert not watch.events
    assert slow == 0
    assert set(accepted) >= {"grammatical", "mutated", "hostile", "soup"}
    assert accepted["grammatical"] > STRINGS / 20


ARITHMETIC = (
    ast.Expression, ast.Constant, ast.Name, ast.Load, ast.BinOp, ast.operator, ast.UnaryOp, ast.unaryop, ast.Compare,
    ast.cmpop, ast.BoolOp, ast.boolop, ast.IfExp, ast.Call, ast.Attribute,
)  # fmt: skip
NAMES = {word for word in WORDS if word.isidentifier()} | {"minimum", "maximum", "power", "fabs", "np", "math", "numpy"}


def check_is_arithmetic(text: str) -> None:
    """Python's own parser finds nothing but arithmetic on known names in a text that was accepted."""
    shown = " ".join(text.split())
    if shown.startswith("lambda"):
        shown = shown.partition(":")[2].strip()
    try:
        tree = ast.parse(shown, mode="eval")
    except SyntaxError as error:
        assert "leading zeros" in str(error), text  # 007 is 7 here
        return
    for node in ast.walk(tree):
        assert isinstance(node, ARITHMETIC), text
        if isinstance(node, ast.Constant):
            assert type(node.value) in (int, float), text
            assert math.isfinite(node.value), text
        elif isinstance(node, ast.Name):
            assert node.id in NAMES or text.startswith("lambda"), text
        elif isinstance(node, ast.Attribute):
            assert isinstance(node.value, ast.Name), text
            assert node.value.id in ("math", "np", "numpy"), text
            assert node.attr in NAMES, text
        elif isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name | ast.Attribute), text
            assert not node.keywords, text
