"""A pasted function of the call (a lambda, or a def made of returns) as a formula, or as a table of points."""

from __future__ import annotations

import ast
from collections import ChainMap

from lrlab.errors import LabError
from lrlab.schedules.code_parts import table_function
from lrlab.schedules.formula import CONSTANTS, FUNCTIONS, parse_formula
from lrlab.schedules.reading.text import quoted, refusal
from lrlab.schedules.reading.values import Evaluator, Function, Scope, Unknown, called_name, is_number
from lrlab.schedules.table import MAX_POINTS, Table

MAX_NODES = 2000

_CALLED = {*FUNCTIONS, "pow", "power", "float", "fabs", "minimum", "maximum"}
"""Functions that a formula may call, by Python's and NumPy's names."""
_VARIANTS = (("linear", "linear"), ("linear", "log"), ("step", "linear"))
_WAYS = "allowed: a lambda such as `lambda epoch: 0.65 ** epoch`, or a def that only returns such an expression"


def formula_of(function: Function, evaluator: Evaluator) -> str | Unknown:
    """`function` as a formula of `epoch`; names that it sees become their numbers.

    Unknown where the text does not explain one of them. Raises LabError that quotes what no formula can say.
    """
    reader = _FormulaReader(function, evaluator)
    expression = reader.read()
    if reader.missing:
        return Unknown(tuple(dict.fromkeys(reader.missing)))
    text = ast.unparse(ast.fix_missing_locations(expression))
    try:
        return parse_formula(text).text
    except LabError as error:
        why = str(error).removeprefix("formula: ")
        raise refusal(f"{quoted(function.node)} is no formula: {why}") from error


class _FormulaReader:
    def __init__(self, function: Function, evaluator: Evaluator) -> None:
        self._function, self._evaluator = function, evaluator
        self._local: dict[str, tuple[ast.expr, int]] = {}
        self._nodes = 0
        self.missing: list[str] = []

    def read(self) -> ast.expr:
        node = self._function.node
        arguments = node.args
        given = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
        needed = len(given) - len(arguments.defaults)
        if needed != 1 or arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
            raise refusal(f"{quoted(node)} takes {needed} arguments; torch gives it one, the number of the call")
        for name, default in zip(given[1:], arguments.defaults, strict=True):
            self._assign(name, default)
        self._local[given[0]] = ast.Name("epoch"), 1
        if isinstance(node, ast.Lambda):
            return self._rewritten(node.body)
        return self._returned(node.body)

    def _returned(self, statements: list[ast.stmt]) -> ast.expr:
        """What `statements` return, as one expression."""
        for place, statement in enumerate(statements):
            match statement:
                case ast.Expr(value=ast.Constant()) | ast.Pass():  # what a def says of itself
                    continue
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._assign(name, value)
                case ast.Return(value=value) if value:
                    return self._rewritten(value)
                case ast.If(test=test, body=body, orelse=orelse) if isinstance(body[-1], ast.Return | ast.If):
                    condition, before = self._rewritten(test), dict(self._local)
                    chosen = self._returned(body)
                    self._local = before
                    return ast.IfExp(condition, chosen, self._returned([*orelse, *statements[place + 1 :]]))
                case _:
                    raise refusal(f"{quoted(statement)} in a function of the call is not read; {_WAYS}")
        raise refusal(f"the function {quoted(self._function.node)} may end without a value; {_WAYS}")

    def _assign(self, name: str, value: ast.expr) -> None:
        before = self._nodes
        self._local[name] = self._rewritten(value), self._nodes - before

    def _rewritten(self, node: ast.expr) -> ast.expr:
        """`node` with the counter called `epoch`, and with the numbers of the names that the function sees."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise refusal(f"{quoted(self._function.node)} is too long for a formula")
        match node:
            case ast.Name(id=name) if name in self._local:
                expression, size = self._local[name]
                self._nodes += size
                return expression
            case ast.Attribute(attr=name) if called_name(node) in CONSTANTS:
                return ast.Name(name)
            case ast.Constant(value=number) if is_number(number):
                return _constant(number)
            case ast.BinOp(left=left, op=op, right=right):
                return ast.BinOp(self._rewritten(left), op, self._rewritten(right))
            case ast.UnaryOp(op=op, operand=operand):
                return ast.UnaryOp(op, self._rewritten(operand))
            case ast.BoolOp(op=op, values=values):
                return ast.BoolOp(op, [self._rewritten(value) for value in values])
            case ast.Compare(left=left, ops=ops, comparators=others):
                return ast.Compare(self._rewritten(left), ops, [self._rewritten(other) for other in others])
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return ast.IfExp(self._rewritten(test), self._rewritten(body), self._rewritten(orelse))
            case ast.Call(func=func, args=values, keywords=[]) if called_name(func) in _CALLED:
                return ast.Call(ast.Name(called_name(func)), [self._rewritten(value) for value in values], [])
            case ast.Call(func=ast.Name(id="int"), args=[value], keywords=[]):
                return _whole(self._rewritten(value))
        return self._known(node)

    def _known(self, node: ast.expr) -> ast.expr:
        value = self._evaluator.value(node, self._function.scope)
        if is_number(value):
            return _constant(value)
        if isinstance(value, Unknown) and not self._sees_the_counter(node):
            self.missing += value.names
            return _constant(1)
        raise refusal(f"{quoted(node)} in a function of the call is not read; {_WAYS}")

    def _sees_the_counter(self, node: ast.expr) -> bool:
        return any(isinstance(inner, ast.Name) and inner.id in self._local for inner in ast.walk(node))


def _constant(value: float) -> ast.expr:
    # A negative number is a sign and a number: -1 ** 2 is something else than (-1) ** 2.
    number = ast.Constant(abs(value))
    return ast.UnaryOp(ast.USub(), number) if value < 0 else number


def _whole(value: ast.expr) -> ast.expr:
    """Python's int(value), which cuts towards 0."""
    floor, ceil = (ast.Call(ast.Name(name), [value], []) for name in ("floor", "ceil"))
    counts = {"epoch"} == {inner.id for inner in ast.walk(value) if isinstance(inner, ast.Name)}
    signs = any(isinstance(inner, ast.Sub | ast.USub) for inner in ast.walk(value))
    if counts and not signs and not any(isinstance(inner, ast.Call) for inner in ast.walk(value)):
        return floor  # never below 0
    return ast.IfExp(ast.Compare(value, [ast.GtE()], [ast.Constant(0)]), floor, ceil)


def table_of(function: Function, evaluator: Evaluator) -> Table | None:
    """The table of points that `function` draws: one that this lab has written, or NumPy's interp of two lists."""
    node = function.node
    if isinstance(node, ast.Lambda):
        return _interpolated(node, function.scope, evaluator)
    match node.body[0]:
        case ast.Assign(targets=[ast.Name(id="points")], value=ast.List() as listed):
            points = _points(evaluator.value(listed, ChainMap()))
        case _:
            return None
    if not points:
        return None
    for interpolation, scale in _VARIANTS:
        try:
            table = Table.model_validate({"points": points, "interpolation": interpolation, "scale": scale})
        except ValueError:
            continue
        (written,) = ast.parse("\n".join(table_function(node.name, table))).body
        assert isinstance(written, ast.FunctionDef)
        if [ast.dump(line) for line in written.body[1:]] == [ast.dump(line) for line in node.body[1:]]:
            return table
    return None


def _points(value: object) -> list[list[float]]:
    pairs = value if isinstance(value, list) else []
    good = all(isinstance(pair, list) and len(pair) == 2 and all(map(is_number, pair)) for pair in pairs)
    return pairs if good and len(pairs) <= MAX_POINTS else []


def _interpolated(node: ast.Lambda, scope: Scope, evaluator: Evaluator) -> Table | None:
    """`np.interp(epoch, [0, 5, 30], [0, 1, 0])`, also as `np.interp([epoch], ...)[0]`."""
    body = node.body
    if isinstance(body, ast.Subscript):
        body = body.value
    match body:
        case ast.Call(func=func, args=[at, calls, factors], keywords=[]) if called_name(func) == "interp":
            counter = at.elts[0] if isinstance(at, ast.List) and len(at.elts) == 1 else at
            names = [argument.arg for argument in node.args.args]
            if not (isinstance(counter, ast.Name) and [counter.id] == names):
                return None
            given = [evaluator.value(one, scope) for one in (calls, factors)]
            if not all(isinstance(one, list) for one in given) or len(given[0]) != len(given[1]):
                return None
            points = _points([list(pair) for pair in zip(*given, strict=True)])
            try:
                return Table.model_validate({"points": points})
            except ValueError as error:
                raise refusal(f"{quoted(body)} holds no points that can be drawn: calls from 0 on, in order") from error
    return None
