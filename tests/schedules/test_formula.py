"""The formula language: what it accepts and what that is worth, what it refuses and in which words."""

from __future__ import annotations

import math
import pickle
import tracemalloc
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from lrlab.errors import LabError
from lrlab.schedules.formula import BLOCK, CONSTANTS, FUNCTIONS, VARIABLES, Formula, parse_formula

EPOCH = np.arange(100.0)
RUN = MappingProxyType({"epoch": EPOCH, "step": 10 * EPOCH, "t": EPOCH / 100, "total": 100.0})


def values(text: str, **variables: Any) -> np.ndarray:
    return parse_formula(text)(variables or RUN)


def refusal(text: str) -> str:
    """Why `text` is refused, when it is read or when it is computed over epochs 0 to 99."""
    with pytest.raises(LabError) as refused:
        values(text)
    assert refused.value.field == "formula"
    message = str(refused.value)
    assert message.startswith("formula: ")
    return message


WORTH = [
    # text, epoch, value by hand
    ("0.65 ** epoch", 2, 0.4225),
    ("0.5 ** (epoch // 30)", 59, 0.5),
    ("0.5 ** (epoch // 30)", 60, 0.25),
    ("1 - epoch / total", 25, 0.75),
    ("(1 + cos(pi * t)) / 2", 50, 0.5),
    ("step", 7, 70.0),
    ("2 ** 3 ** 2", 0, 512.0),
    ("0 - -2 ** 2", 0, 4.0),
    ("2 ** -1", 0, 0.5),
    ("10 - 3 - 2", 0, 5.0),
    ("100 / 5 / 2 * 3", 0, 30.0),
    ("1 + 2 * 3 % 4", 0, 3.0),
    ("-7 % 3", 0, 2.0),
    ("7 + -7 // 2", 0, 3.0),
    ("+epoch", 4, 4.0),
    ("1e-3 + .5 + 2.", 0, 2.501),
    ("clip(epoch, 3, 5)", 1, 3.0),
    ("clip(epoch, 3, 5)", 4, 4.0),
    ("clip(epoch, 3, 5)", 9, 5.0),
    ("min(epoch, 7, 5) + max(1, 2, 3)", 6, 8.0),
    ("abs(epoch - 9)", 2, 7.0),
    ("sqrt(epoch)", 49, 7.0),
    ("exp(1) - e + log(e)", 0, 1.0),
    ("log2(8) + log10(1000)", 0, 6.0),
    ("floor(epoch / 10) + ceil(epoch / 10)", 25, 5.0),
    ("sin(pi / 2)", 0, 1.0),
    ("1 if epoch < 5 else 0.1", 4, 1.0),
    ("1 if epoch < 5 else 0.1", 5, 0.1),
    ("1 if epoch < 5 else 0.5 if epoch < 9 else 0.1", 8, 0.5),
    ("1 if 3 <= epoch < 5 else 0", 2, 0.0),
    ("1 if 3 <= epoch < 5 else 0", 3, 1.0),
    ("1 if not epoch == 3 and epoch != 4 or epoch > 90 else 0", 4, 0.0),
    ("1 if not epoch == 3 and epoch != 4 or epoch > 90 else 0", 91, 1.0),
    ("0.1 ** (epoch >= 30) * 0.1 ** (epoch >= 60)", 59, 0.1),
    ("1 if epoch % 2 else 3", 5, 1.0),
    ("epoch < 5", 4, 1.0),
]


@pytest.mark.parametrize(("text", "epoch", "expected"), WORTH)
def test_a_formula_is_worth_what_one_works_out_on_paper(text: str, epoch: int, expected: float) -> None:
    assert values(text)[epoch] == pytest.approx(expected, rel=1e-14)


PASTED = [
    # text as tutorials have it, the same in the formula language
    ("lambda epoch: 0.65 ** epoch", "0.65 ** epoch"),
    ("  lambda  e :0.65 ** e\n", "0.65 ** epoch"),
    ("lambda step: min((step + 1) / 10, 1)", "min((epoch + 1) / 10, 1)"),
    ("lambda x: math.exp(-0.1 * x)", "exp(-0.1 * epoch)"),
    ("math.cos(math.pi * t) + 1", "cos(pi * t) + 1"),
    ("np.cos(numpy.pi * t) + 1", "cos(pi * t) + 1"),
    ("np.minimum(1, np.maximum(t, 0.5))", "min(1, max(t, 0.5))"),
    ("float(epoch) / float(max(1, total))", "epoch / max(1, total)"),
    ("pow(0.9, epoch) + math.pow(2, 1) + np.power(2, 2)", "0.9 ** epoch + 2 ** 1 + 2 ** 2"),
    ("math.fabs(epoch - 3)", "abs(epoch - 3)"),
    ("(1\n  if epoch < 5\telse 2)", "1 if epoch < 5 else 2"),
]


@pytest.mark.parametrize(("pasted", "plain"), PASTED)
def test_what_people_paste_is_understood(pasted: str, plain: str) -> None:
    assert values(pasted).tolist() == values(plain).tolist()
    assert parse_formula(pasted).python() == parse_formula(plain).python()


TO_REFUSE = [
    # text, what the message must name: attacks without the brackets and quotes that give those in tests/faults away
    ("().__class__", "got ')' at character 2, where a value is expected"),
    ("(epoch).__class__", "'.__class__' at character 8"),
    ("exp.__globals__", "'exp' at character 1 is a function; write exp(x)"),
    ("math.__loader__", "'__loader__' is not known here"),
    ("np.load(1)", "'load' is not known here"),
    ("math.math.pi", "'math' is not known here"),
    ("math.epoch", "'epoch' is not known here"),
    ("eval(1)", "'eval' is not known here"),
    ("globals()", "'globals' is not known here"),
    ("exec", "'exec' is not known here"),
    ("epoch(1)", "'epoch' is a variable, not a function"),
    ("exp(*epoch)", "got '*' at character 5"),
    ("exp(**epoch)", "got '**' at character 5"),
    ("exp(x=1)", "got '=' at character 6"),
    ("lambda: 1", "':'"),
    ("lambda x, y: 1", "':'"),
    ("lambda if: 1", "':'"),
    ("0 + lambda", "'lambda' may stand only at the start"),
    ("1 in 2", "'in' at character 3"),
    ("1 is 1", "'is' at character 3"),
    ("await 1", "'await' stands where a value is expected"),
    ("print", "'print' is not known here"),
    ("epoch\0", "'\\x00' at character 6"),
    ("1\u2028+ 1", "'\\u2028' at character 2"),
    ("١ + 1", "'١' at character 1"),
    ("epoch\\\n+ 1", "'\\\\' at character 6"),
    ("1 # 2", "'#' at character 3"),
]


@pytest.mark.parametrize(("text", "named"), TO_REFUSE)
def test_what_is_hostile_is_refused_by_name(text: str, named: str) -> None:
    assert named in refusal(text)


SLIPS = [
    # text, what the message must say
    ("", "is empty"),
    ("   ", "is empty"),
    ("lambda epoch:", "is empty"),
    ("0.65 ^ epoch", "got '^' at character 6; for a power write **"),
    ("0.65 ** x", "'x' is not known here; allowed: numbers, the variables epoch, step, t, total"),
    ("0.65 ** epochs", "(did you mean epoch?)"),
    ("EPOCH", "'EPOCH' is not known here"),
    ("lr = 0.1", "write ==; a formula is only what stands right of an ="),
    ("1 if epoch = 3 else 2", "to compare write =="),
    ("0,65 ** epoch", "',' at character 2 may only separate the values of a function"),
    ("2epoch", "'2epoch' at character 1 is not a number"),
    ("2 epoch", "an operator such as * is missing between '2' and 'epoch' at character 3"),
    ("2 (3)", "an operator such as * is missing between '2' and '(' at character 3"),
    ("(epoch)(3)", "missing between ')' and '(' at character 8"),
    ("1_000", "'1_000' at character 1 is not a number"),
    ("0x10", "'0x10' at character 1"),
    ("3j", "'3j' at character 1"),
    ("1.2.3", "'1.2.3' at character 1"),
    ("1if epoch else 2", "'1if' at character 1"),
    ("1e999", "'1e999' is too large a number"),
    ("(epoch", "the bracket opened at character 1 is never closed"),
    ("epoch)", "')' at character 6 closes no bracket"),
    ("epoch +", "ends where a value is expected"),
    ("epoch + * 2", "got '*' at character 9, where a value is expected"),
    ("epoch ! 2", "write not, or != for unequal"),
    ("epoch & 1", "'&' at character 7; write and"),
    ("2 × epoch", "'×' at character 3; write *"),
    ("exp", "'exp' at character 1 is a function; write exp(x)"),
    ("x" * 400, f"'{'x' * 77}...' is not known here"),
    ("exp()", "'exp' at character 1 got 0 values; write exp(x)"),
    ("clip(epoch, 1)", "'clip' at character 1 got 2 values; write clip(x, low, high)"),
    ("min(epoch)", "'min' at character 1 got 1 values; write min(a, b, ...)"),
    ("min(1, 2,)", "got ')' at character 10, where a value is expected"),
    ("int(epoch / 3)", "'int' is not known here; write floor(x)"),
    ("1 if epoch < 5", "'if' has no 'else'"),
    ("min(1 if epoch < 5, 2)", "'if' has no 'else'"),
    ("1 if epoch < 5 else", "ends where a value is expected"),
    ("epoch or 1", "'or' needs a comparison at character 1"),
    ("epoch > 1 and t", "'and' needs a comparison at character 15"),
    ("not epoch", "'not' needs a comparison at character 5"),
    ("1 + not epoch > 1", "'not' stands where a value is expected"),
    ("x" * 501, "got 501 characters, allowed: at most 500"),
    ("+".join(["1"] * 101), "more than 200 parts"),
    ("(" * 33 + "1" + ")" * 33, "nests deeper than 32 at character 34"),
    ("abs(" * 33 + "1" + ")" * 33, "nests deeper than 32"),
    ("-" * 33 + "1", "nests deeper than 32"),
    ("-" * 500, "nests deeper than 32"),
    ("2**" * 33 + "1", "nests deeper than 32"),
    ("1 if t else " * 33 + "1", "nests deeper than 32"),
    ("not " * 34 + "1 > 0", "nests deeper than 32"),
]


@pytest.mark.parametrize(("text", "said"), SLIPS)
def test_a_slip_is_told_with_what_to_write(text: str, said: str) -> None:
    assert said in refusal(text)


LARGEST = ["(" * 32 + "1" + ")" * 32, "-" * 32 + "1", "+".join(["1"] * 100), "1 + epoch".ljust(700)]


@pytest.mark.parametrize("text", LARGEST)
def test_a_formula_as_large_as_allowed_is_read(text: str) -> None:
    assert parse_formula(text).text == text.strip()


AT_FAULT = [
    # text, the whole message: the part, the first epoch, what is allowed
    ("1/(epoch-50) + 1/(epoch-10)", "1/(epoch-10) divides by zero at epoch 10"),
    ("1 if epoch < 7 else 1/0", "1/0 divides by zero at epoch 7"),
    ("epoch // (epoch - 4)", "epoch // (epoch - 4) divides by zero at epoch 4"),
    ("epoch % (epoch - 4)", "epoch % (epoch - 4) divides by zero at epoch 4"),
    ("0 ** (3 - epoch)", "0 ** (3 - epoch) raises 0 to a negative power at epoch 4"),
    ("sqrt(3 - epoch)", "sqrt(3 - epoch) takes the square root of -1 at epoch 4; allowed: 0 or more"),
    ("log(epoch)", "log(epoch) takes the logarithm of 0 at epoch 0; allowed: above 0"),
    ("log10(5 - epoch)", "log10(5 - epoch) takes the logarithm of 0 at epoch 5; allowed: above 0"),
    ("exp(10 * epoch)", "exp(10 * epoch) is too large at epoch 71; allowed: up to 1.8e308"),
    ("(epoch - 2) ** 0.5", "(epoch - 2) ** 0.5 raises -2 to the power 0.5, which has no real value at epoch 0"),
    ("1e308 + 1e308 * t", "1e308 + 1e308 * t is too large at epoch 80; allowed: up to 1.8e308"),
    ("min(1, 1 / (1e308 * epoch))", "1 / (1e308 * epoch) divides by zero at epoch 0"),
    ("1 / (1e308 * (epoch + 1))", "1e308 * (epoch + 1) is too large at epoch 1; allowed: up to 1.8e308"),
    ("1 / (step - 30)", "1 / (step - 30) divides by zero at step 30"),
    ("1 / (t - 0.25)", "1 / (t - 0.25) divides by zero at epoch 25"),
    ("1 if 2 < epoch < 1 / (epoch - 5) else 0", "1 / (epoch - 5) divides by zero at epoch 5"),
    ("1 if 9 < epoch or 1 / (epoch - 5) > 0 else 0", "1 / (epoch - 5) divides by zero at epoch 5"),
    ("1 if not (0 < 1 / (epoch - 5)) else 0", "1 / (epoch - 5) divides by zero at epoch 5"),
    ("2 - epoch / 20", "2 - epoch / 20 is negative at epoch 41 (-0.05); allowed: 0 or more, such as max(0, ...)"),
    ("1 /\n (epoch\t- 3)", "1 / (epoch - 3) divides by zero at epoch 3"),
    ("-1", "-1 is negative (-1); allowed: 0 or more, such as max(0, ...)"),
    ("log(0 * (" + "+".join(["epoch"] * 20) + "))", f"log(0 * ({'+'.join(['epoch'] * 20)}"[:77] + "... takes"),
]


@pytest.mark.parametrize(("text", "message"), AT_FAULT)
def test_the_part_at_fault_and_the_first_epoch_are_named(text: str, message: str) -> None:
    said = refusal(text).removeprefix("formula: ")
    assert said == message or (message.endswith("... takes") and said.startswith(message))


UNSELECTED = [
    # text, values at epochs 0 to 4
    ("1 if epoch < 1 else 1/epoch", [1, 1, 1 / 2, 1 / 3, 1 / 4]),
    ("1/epoch if epoch else 5", [5, 1, 1 / 2, 1 / 3, 1 / 4]),
    ("1 if epoch > 2 and 1/(epoch - 2) > 0.6 else 0", [0, 0, 0, 1, 0]),
    ("1 if epoch < 3 or 1/(epoch - 2) > 0.6 else 0", [1, 1, 1, 1, 0]),
    ("1 if 2 < epoch < 3 + 1/(epoch - 2) else 0", [0, 0, 0, 1, 0]),
    ("7 if epoch >= 0 else 1/0", [7, 7, 7, 7, 7]),
    ("7 if 1 < 2 else 1/0", [7, 7, 7, 7, 7]),
    ("(1/epoch if epoch > 2 else 1/(epoch - 3)**2) if epoch != 3 else 9", [1 / 9, 1 / 4, 1, 9, 1 / 4]),
]


@pytest.mark.parametrize(("text", "expected"), UNSELECTED)
def test_what_is_not_selected_need_not_exist(text: str, expected: list[float]) -> None:
    np.testing.assert_allclose(values(text, epoch=np.arange(5.0)), expected, rtol=1e-15)


EXPORTED = [
    # text, the expression that runs in Python
    ("0.65 ** epoch", "0.65 ** epoch"),
    ("((0.65) ** (epoch))", "0.65 ** epoch"),
    ("lambda e: 0.5**(e//30)", "0.5 ** (epoch // 30)"),
    ("(1+cos(pi*t))/2", "(1 + math.cos(math.pi * t)) / 2"),
    ("clip(t, 0.1, 1)", "min(max(t, 0.1), 1)"),
    ("1e-3 * 1e3", "0.001 * 1000"),
    ("-(epoch + 1) ** -(2)", "-(epoch + 1) ** -2"),
    ("(2 ** t) ** (-t)", "(2 ** t) ** -t"),
    ("1 - (t - (t - 1))", "1 - (t - (t - 1))"),
    ("(1 if t < 0.5 else 2) * 3", "(1 if t < 0.5 else 2) * 3"),
    ("(1 if t < 0.5 else 2) if t else (3 if t > 2 else 4)", "(1 if t < 0.5 else 2) if t != 0 else 3 if t > 2 else 4"),
    (
        "1 if (t < 1 or t > 2) and not (t > 3 and t > 4) else 0",
        "1 if (t < 1 or t > 2) and not (t > 3 and t > 4) else 0",
    ),
    ("0.1 ** (epoch >= 30)", "0.1 ** (1 if epoch >= 30 else 0)"),
    # ints of Python never round and never overflow; float64 does, and so must the exported expression
    ("2 ** epoch", "2.0 ** epoch"),
    ("epoch ** 4", "epoch ** 4.0"),
    ("epoch * epoch * epoch", "float(epoch * epoch) * epoch"),
    ("floor(t * 10) * 3 % 7", "math.floor(t * 10) * 3.0 % 7"),
    ("epoch ** epoch", "float(epoch) ** epoch"),
]


@pytest.mark.parametrize(("text", "expression"), EXPORTED)
def test_the_exported_expression_reads_as_python_is_written(text: str, expression: str) -> None:
    formula = parse_formula(text)
    assert formula.python() == expression
    assert parse_formula(expression).python() == expression  # what goes out may come back in


def test_variables_of_the_exported_expression_can_be_given() -> None:
    formula = parse_formula("(epoch + 1) ** 2 / total if t < 0.5 else step")
    names = {"epoch": "e", "t": "e / 30", "total": "30", "step": "(e + 1) * 5"}
    assert formula.python(names) == "(e + 1) ** 2 / 30 if (e / 30) < 0.5 else (e + 1) * 5"
    assert parse_formula("2 * t + exp(t)").python({"t": "e / 30"}) == "2 * (e / 30) + math.exp(e / 30)"
    assert parse_formula("2 * total").python({"total": "len(batches)"}) == "2 * len(batches)"


def test_every_word_of_the_help_can_be_used() -> None:
    numbers = {"x": "2", "a": "1", "b": "2", "low": "0", "high": "3", "...": "3"}
    for name, line in FUNCTIONS.items():
        called, _, inside = line.partition(":")[0].rstrip(")").partition("(")
        assert called == name
        assert math.isfinite(values(f"2 + {name}({', '.join(numbers[each] for each in inside.split(', '))})")[0])
    worth = {"epoch": 1, "step": 10, "t": 0.01, "total": 100, "pi": math.pi, "e": math.e}
    assert {name: values(name)[1] for name in [*VARIABLES, *CONSTANTS]} == worth


def test_names_tells_which_variables_are_used() -> None:
    assert parse_formula("lambda e: e * total if e < 5 else t").names == {"epoch", "total", "t"}
    assert parse_formula("2 * pi").names == frozenset()


def test_the_result_has_the_common_shape_of_all_variables() -> None:
    row, column = np.arange(3.0), np.arange(1.0, 3.0)[:, None]
    assert values("epoch", epoch=4).tolist() == [4.0]
    assert values("0.5", epoch=row).tolist() == [0.5, 0.5, 0.5]
    assert values("epoch * total", epoch=row, total=column).tolist() == [[0, 1, 2], [0, 2, 4]]
    assert values("1 / epoch", epoch=np.array([])).shape == (0,)
    assert values("1 if epoch > 1 else t", epoch=np.arange(3), t=0.25).dtype == np.float64


def test_the_result_is_an_array_of_its_own() -> None:
    epoch = np.arange(3.0)
    drawn = values("epoch", epoch=epoch)
    drawn[:] = 9
    assert epoch.tolist() == [0, 1, 2]
    assert not np.signbit(values("0 * (epoch - 9)", epoch=epoch)).any()


def test_a_variable_that_is_absent_or_not_finite_is_named() -> None:
    with pytest.raises(LabError, match="'t' has no value here; allowed: epoch"):
        values("t", epoch=1.0)
    with pytest.raises(LabError, match="'epoch' is not finite everywhere"):
        values("epoch", epoch=np.array([0, np.nan]))


@pytest.mark.parametrize("n", [BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_the_seams_between_blocks_do_not_show(n: int) -> None:
    epoch = np.arange(float(n))
    np.testing.assert_array_equal(
        values("epoch + 1 if epoch % 2 == 0 else 0", epoch=epoch), (epoch + 1) * (epoch % 2 == 0)
    )
    with pytest.raises(LabError, match=f"divides by zero at epoch {n - 1}$"):
        values(f"1 / (epoch - {n - 1}) ** 2", epoch=epoch)


@pytest.mark.parametrize(("base", "sign"), [(0.65, 1), (0.1, 1), (3.7, -1), (1e-300, 1), (0.999, 1)])
def test_a_decay_ends_at_nought_where_python_ends_it(base: float, sign: int) -> None:
    epoch = np.arange(3000.0)
    expected = [base ** (sign * k) for k in range(3000)]
    np.testing.assert_allclose(values(f"{base} ** ({sign} * epoch)", epoch=epoch), expected, rtol=1e-14, atol=5e-324)


def test_memory_holds_a_few_blocks_beside_the_result() -> None:
    epoch = np.arange(500_000.0)
    formula = parse_formula(
        "+".join(["(epoch+1) ** (t+2)"] * 6) + "+" + "abs(" * 20 + "1+epoch*sin(t)" + "*(2+epoch)" + ")" * 20
    )
    variables = {"epoch": epoch, "t": epoch / 500_000}
    tracemalloc.start()
    try:
        result = formula(variables)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.nbytes <= peak < result.nbytes + 30 * 8 * BLOCK


def test_no_warning_escapes_and_no_setting_of_numpy_matters() -> None:
    with np.errstate(all="raise"):
        assert values("1e-200 * 1e-200 + 1e-320 ** (epoch + 1)")[0] == pytest.approx(1e-320)
        assert "divides by zero at epoch 0" in refusal("1 / epoch")


def test_equal_texts_are_equal_formulas_and_survive_pickling() -> None:
    formula = parse_formula(" 0.65 ** epoch ")
    assert formula == parse_formula("0.65 ** epoch")
    assert len({formula, parse_formula("0.65 ** epoch"), parse_formula("0.66 ** epoch")}) == 2
    copy: Formula = pickle.loads(pickle.dumps(formula))
    assert copy == formula
    assert copy(RUN).tolist() == formula(RUN).tolist()
