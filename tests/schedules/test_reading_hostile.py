"""Whatever is pasted is read or refused; it is never executed, and no text breaks the parser or takes long."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrlab.errors import LabError
from lrlab.schedules import Reading, read_code

EXAMPLES = 5000 if os.environ.get("LRLAB_LONG") == "1" else 300


def read(text: str) -> Reading:
    return read_code(text, epochs=20, steps_per_epoch=30)


HOSTILE = (
    "__import__('os').system('touch {out}')", "().__class__.__bases__[0].__subclasses__()", "(lambda: 0).__globals__",
    "open('{out}', 'w')", "eval('open(\"{out}\", \"w\")')", "exec('x')", "getattr(o, 'x')",
    "'{{0.__class__}}'.format(o)",
    "9 ** 9 ** 9 ** 9", "9 ** 99999999", "(-1) ** 0.5", "1e308 * 10", "0 / 0", "1 << 10 ** 9", "'a' * 10 ** 10",
    "[0] * 10 ** 9", "list(range(10 ** 9))", "[i for i in range(10 ** 9)]", "math.exp(1e9)", "math.factorial(10 ** 7)",
    "(y := 5)", "round(5, -10 ** 9)", "int('9' * 5000)", "max()", "min(1)", "10 ** 400 // 3", "int(1e999)",
    "sum(range(9))",
    "float('nan')", "f'{{o}}'", "b'x'", "...", "1j", "not 3", "3 if o else 4", "[*range(3)]", "{{**a}}", "o[1:2]",
    "range(1, 2, 0)", "x" * 5000, "-" * 5000 + "1", "(" * 50 + ")" * 50, "1" * 4301,
)  # fmt: skip


@pytest.mark.parametrize(
    "place",
    [
        "StepLR(o, {})",
        "LambdaLR(o, lambda e: {})",
        "o = SGD(p, lr={})\nStepLR(o, 3)",
        "x = {}\nStepLR(o, x)",
        "MultiStepLR(o, [{}])",
        "PolynomialDecay(0.1, {})",
    ],
)
def test_hostile_expressions_are_refused_asked_for_or_numbers(place: str, tmp_path: Path) -> None:
    out = tmp_path / "written"
    for text in HOSTILE:
        pasted = place.replace("{}", text.format(out=out))
        try:
            reading = read(pasted)
        except LabError as error:
            assert len(str(error)) < 2000
        else:
            assert reading.spec or reading.questions
    assert not out.exists()


NESTED = {
    "minus signs": "-" * 19_000 + "1", "sums": "1" + "+1" * 9_000, "attributes": "a" + ".b" * 9_000,
    "subscripts": "a" + "[0]" * 6_000, "conditions": "1 if a else " * 1_500 + "1", "powers": "2" + "**2" * 6_000,
    "lambdas": "lambda: " * 2_400 + "1", "brackets": "(" * 9_000 + ")" * 9_000, "open brackets": "{1: [(" * 3_000,
    "comparisons": "1" + "<1" * 9_000, "nots": "not " * 4_900 + "1", "calls": "f(" * 9_000, "strings": "'a' " * 4_900,
    "branches": "if a:\n x\n" + "elif a:\n x\n" * 1_500, "statements": "x=1;" * 4_900,
    "loops": "".join(" " * depth + "for a in b:\n" for depth in range(90)) + " " * 90 + "x",
    "doubled lists": (
        "x0 = StepLR(o, 1)\n" + "".join(f"x{i + 1} = [x{i}, x{i}]\n" for i in range(300)) + "ChainedScheduler(x300)"
    ),
    "doubled formulas": (
        "def f(a0):\n" + "".join(f" a{i + 1} = a{i} + a{i}\n" for i in range(99)) + " return a99\nLambdaLR(o, f)"
    ),
    "a long chain": "s = StepLR(o, 1)\n" + "s = ChainedScheduler([s])\n" * 600,
    "NULs": "\0" * 1_000, "digits": "9" * 19_000,
}  # fmt: skip


@pytest.mark.parametrize("case", NESTED)
def test_texts_that_would_break_a_parser_are_refused(case: str) -> None:
    with pytest.raises(LabError):
        read(NESTED[case])


def test_nothing_is_imported_or_run() -> None:
    """Python's own audit of what code does: nothing is compiled to run, imported or opened."""
    seen: list[str] = []
    watching = True

    def audit(event: str, arguments: Any) -> None:
        if watching and event in ("exec", "import", "open", "os.system", "subprocess.Popen", "socket.connect"):
            seen.append(f"{event} {arguments}")

    read("StepLR(o, 3)")
    sys.addaudithook(audit)
    read("import os\nos.system('x')\nopen('y')\neval('z')\nStepLR(o, __import__('os').getpid() or 3)")
    read("LambdaLR(o, lambda e: 0.9 ** e)")
    watching = False
    assert seen == []


pasted = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.sampled_from(
            ["StepLR(", "o", ",", "3", ")", "[", "]", "lambda e:", "e", "**", "LambdaLR(", "SequentialLR(",
             "=", "\n", "if ", " else ", ":", "    ", "for x in ", "range(", "def f(", "return ", ".step()", "SGD(",
             "{", "}", "'lr'", "lr=", "-", "ExponentialDecay(", "0.1", "*", "/", "(", "class A", "import ",
             "schedulers=", "milestones=", "x", "/"]
        ),
        max_size=25,
    ).map("".join),
)  # fmt: skip


@settings(max_examples=EXAMPLES, deadline=None)
@given(pasted)
def test_whatever_is_pasted_is_read_or_refused(text: str) -> None:
    try:
        reading = read(text)
    except LabError as error:
        assert str(error)
    else:
        assert reading.spec or reading.questions
