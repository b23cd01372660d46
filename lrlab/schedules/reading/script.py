"""A pasted script, walked statement by statement: the schedulers and optimisers it builds, and where it steps them."""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lrlab.schedules.code import WARMING
from lrlab.schedules.reading.others import KINDS
from lrlab.schedules.reading.torchs import SIGNATURES
from lrlab.schedules.reading.values import Built, Evaluator, Function, Scope, Unknown, Value, is_number
from lrlab.schedules.spec import Warmup

OPTIMIZERS: Mapping[str, float] = {
    "SGD": 1e-3, "Adam": 1e-3, "AdamW": 1e-3, "RMSprop": 1e-2, "Adagrad": 1e-2, "Adadelta": 1.0, "Adamax": 2e-3,
    "NAdam": 2e-3, "Nadam": 2e-3, "RAdam": 1e-3, "ASGD": 1e-2, "Rprop": 1e-2, "Adafactor": 1e-2, "LBFGS": 1.0,
    "SparseAdam": 1e-3, "Muon": 1e-3, "Lion": 1e-4, "Ftrl": 1e-3,
}  # fmt: skip
"""Optimisers by name, with the LR that torch gives them where none is given."""

PLATEAU = "ReduceLROnPlateau"
"""torch and Keras call it the same; Keras's is kept under "keras.ReduceLROnPlateau"."""

EPOCHS = ("epochs", "num_epochs", "n_epochs", "max_epochs", "EPOCHS", "NUM_EPOCHS")
STEPS = ("steps_per_epoch", "STEPS_PER_EPOCH")
"""What people call the number of epochs and of updates in one."""

Loop = ast.For | ast.AsyncFor | ast.While
_WARMING = ast.dump(ast.parse(WARMING).body[0])


@dataclass(frozen=True)
class Step:
    """A call of `step()`. `what`: whose, where that is known; `name`: the text before it; `loops`: outermost first."""

    what: Built | None
    name: str
    node: ast.Call
    loops: tuple[Loop, ...]


@dataclass
class Script:
    """What a text does. Lists are in the order of the text."""

    schedulers: list[Built] = field(default_factory=list)
    optimizers: list[Built] = field(default_factory=list)
    scheduler_steps: list[Step] = field(default_factory=list)
    optimizer_steps: list[Step] = field(default_factory=list)
    replaced: list[Built] = field(default_factory=list)
    """Schedulers whose variable was given to another one later."""
    intervals: dict[int, Literal["epoch", "step"]] = field(default_factory=dict)
    """What stands beside a scheduler in a dict, by the scheduler's order (as Lightning has it)."""
    unread: list[ast.Call] = field(default_factory=list)
    """Calls that look as if they build a scheduler of another library."""
    set_by_hand: list[ast.stmt] = field(default_factory=list)
    lengths: dict[int, float] = field(default_factory=dict)
    """How often a loop goes round, by its id, where that is a plain number."""
    warmup: Warmup | None = None
    scope: Scope = field(default_factory=ChainMap)

    @property
    def epochs(self) -> int | None:
        """How many epochs the training loop has, where the text says it."""
        loops = [loop for step in (*self.optimizer_steps, *self.scheduler_steps) for loop in step.loops]
        over = [loop for loop in loops if isinstance(loop, ast.For) and "epoch" in ast.unparse(loop.target).lower()]
        return self._count(over, EPOCHS, 10_000)

    @property
    def steps_per_epoch(self) -> int | None:
        """How many updates an epoch has, where the text says it."""
        return self._count([step.loops[-1] for step in self.optimizer_steps if len(step.loops) > 1], STEPS, 1_000_000)

    def _count(self, loops: Sequence[Loop], names: Sequence[str], most: int) -> int | None:
        found = [*(self.lengths.get(id(loop)) for loop in loops), *(self.scope.get(name) for name in names)]
        return next((value for value in found if type(value) is int and 1 <= value <= most), None)


def read_script(tree: ast.Module, answers: Mapping[str, float]) -> Script:
    """Walks `tree`. Raises LabError where plain arithmetic has no result."""
    walker = _Walker(answers)
    walker.walk(tree.body, walker.script.scope, ())
    return walker.script


class _Walker(Evaluator):
    def __init__(self, answers: Mapping[str, float]) -> None:
        super().__init__(answers)
        self.script = Script()
        self._imported: dict[str, str] = {}
        self._sources: dict[str, ast.expr] = {}
        self._loops: tuple[Loop, ...] = ()

    def walk(self, statements: Sequence[ast.stmt], scope: Scope, loops: tuple[Loop, ...]) -> None:
        """Reads `statements` as if each of them were run once. Both branches of an `if` count, the later one wins."""
        for statement in statements:
            self._loops = loops
            match statement:
                case ast.Import(names=names):
                    self._imported.update({alias.asname or alias.name: alias.name for alias in names})
                case ast.ImportFrom(module=module, names=names):
                    self._imported.update({one.asname or one.name: f"{module}.{one.name}" for one in names})
                case ast.Assign(targets=targets, value=value):
                    found = self.value(value, scope)
                    for target in targets:
                        self._bind(target, value, found, scope, statement)
                case ast.AnnAssign(target=target, value=value) if value:
                    self._bind(target, value, self.value(value, scope), scope, statement)
                case ast.AugAssign(target=target, op=op, value=value):
                    read = ast.BinOp(target, op, value)
                    self._bind(target, read, self.value(read, scope), scope, statement)
                case ast.Expr(value=value) | ast.Return(value=value) if value:
                    self.value(value, scope)
                case ast.For() | ast.AsyncFor():
                    self._over(statement, scope, loops)
                case ast.While(body=body, orelse=orelse):
                    self.walk(body, scope, (*loops, statement))
                    self.walk(orelse, scope, loops)
                case ast.If(body=body, orelse=orelse):
                    self._look_for_warmup(statement, scope)
                    self.walk(body, scope, loops)
                    self.walk(orelse, scope, loops)
                case ast.With(body=body) | ast.AsyncWith(body=body):
                    self.walk(body, scope, loops)
                case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                    for block in (body, *(handler.body for handler in handlers), orelse, final):
                        self.walk(block, scope, loops)
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self._define(statement, scope)
                case ast.ClassDef(name=name, body=body):
                    inner = scope.new_child()
                    self.walk(body, inner, ())
                    scope.update({f"{name}.{key}": value for key, value in inner.maps[0].items()})

    def _define(self, statement: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
        if isinstance(statement, ast.FunctionDef):
            scope[statement.name] = Function(statement, scope)
        inner = scope.new_child()
        arguments = [*statement.args.posonlyargs, *statement.args.args, *statement.args.kwonlyargs]
        for argument in arguments:
            # What it is called with is not known, so it hides what bears its name outside.
            inner[argument.arg] = self.unknown(ast.Name(argument.arg))
        defaults = [*statement.args.defaults, *statement.args.kw_defaults]
        for argument, default in zip(reversed(arguments), reversed(defaults), strict=False):
            value = self.value(default, scope) if default else None
            if is_number(value) and isinstance(inner[argument.arg], Unknown):
                inner[argument.arg] = value
        self.walk(statement.body, inner, ())

    def _over(self, loop: ast.For | ast.AsyncFor, scope: Scope, loops: tuple[Loop, ...]) -> None:
        counted = loop.iter
        while isinstance(counted, ast.Call) and counted.args and ast.unparse(counted.func) in ("tqdm", "enumerate"):
            counted = counted.args[0]
        match counted:
            case ast.Call(func=ast.Name(id="range" | "trange"), args=[end]):
                length = self.value(end, scope)
            case ast.Call(func=ast.Name(id="range" | "trange"), args=[start, end]):
                length = self.value(ast.BinOp(end, ast.Sub(), start), scope)
            case _:
                length = self.value(loop.iter, scope)
        if is_number(length):
            self.script.lengths[id(loop)] = length
        for target in ast.walk(loop.target):
            if isinstance(target, ast.Name):
                scope[target.id] = self.unknown(target)
        self.walk(loop.body, scope, (*loops, loop))
        self.walk(loop.orelse, scope, loops)

    def _bind(self, target: ast.expr, source: ast.expr, value: Value, scope: Scope, statement: ast.stmt) -> None:
        match target:
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                values = value if isinstance(value, list) and len(value) == len(targets) else [None] * len(targets)
                sources = source.elts if isinstance(source, ast.Tuple | ast.List) else []
                for place, (one, part) in enumerate(zip(targets, values, strict=True)):
                    given = sources[place] if len(sources) == len(targets) else source
                    self._bind(one, given, self.unknown(one) if part is None else part, scope, statement)
                return
            case ast.Subscript(slice=ast.Constant(value="lr")):
                self.script.set_by_hand.append(statement)
            case ast.Starred():
                return
        name = ast.unparse(target)
        if isinstance(value, Built):
            value.variable = value.variable or name
            before = scope.get(name)
            if isinstance(before, Built) and before is not value and before in self.script.schedulers:
                self.script.replaced.append(before)
        elif self._loops and is_number(value):
            value = self.unknown(target)  # it may be another one in every round
        self._sources[name] = source
        # What one method sets, another one sees.
        (scope.maps[-1] if name.startswith("self.") else scope)[name] = value

    def called(self, node: ast.Call, scope: Scope) -> Value:
        name, module = self._called(node.func)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "step":
            return self._step(node, node.func.value, scope)
        known = name in SIGNATURES or name in KINDS or name in OPTIMIZERS
        if not known or isinstance(scope.get(name), Function):
            return self._other(node, name, scope)
        positional = [self.value(argument, scope) for argument in node.args]
        keywords = {one.arg or "**": self.value(one.value, scope) for one in node.keywords}
        if name == PLATEAU and _is_keras(module, positional, keywords):
            name = f"keras.{name}"
        made = self.script.optimizers if name in OPTIMIZERS else self.script.schedulers
        built = Built(name, module, positional, keywords, node, len(self.script.schedulers))
        made.append(built)
        return built

    def _called(self, func: ast.expr) -> tuple[str, str]:
        """The name of the class or function that is called, and the module it is taken from, as far as it is said."""
        text = ast.unparse(func) if isinstance(func, ast.Name | ast.Attribute) else ""
        first, _, rest = text.partition(".")
        text = self._imported.get(first, first) + ("." + rest if rest else "")
        module, _, name = text.rpartition(".")
        return name, module

    def _step(self, node: ast.Call, owner: ast.expr, scope: Scope) -> Value:
        name = ast.unparse(owner)
        what = self.value(owner, scope)
        given = [self.value(argument, scope) for argument in node.args]
        step = Step(what if isinstance(what, Built) else None, name, node, self._loops)
        scaled = any(isinstance(one, Built) and one in self.script.optimizers for one in given)
        if what in self.script.schedulers or (step.what is None and "sched" in name.lower()):
            self.script.scheduler_steps.append(step)
        elif scaled or step.what or "opt" in " ".join([name, *map(ast.unparse, node.args)]).lower():
            self.script.optimizer_steps.append(step)
        return self.unknown(node)

    def _other(self, node: ast.Call, name: str, scope: Scope) -> Value:
        """A call of something else, which may be given a scheduler, or be one that nobody here knows."""
        for keyword in node.keywords:
            self.value(keyword.value, scope)
        if "schedule" in name.lower() or (name.endswith("LR") and len(name) > 2):
            self.script.unread.append(node)
        return super().called(node, scope)

    def value(self, node: ast.expr, scope: Scope) -> Value:
        found = super().value(node, scope)
        if isinstance(node, ast.Dict) and isinstance(found, dict):
            scheduler, interval = found.get("scheduler"), found.get("interval")
            if isinstance(scheduler, Built) and interval in ("epoch", "step"):
                self.script.intervals[scheduler.order] = interval
        return found

    def _look_for_warmup(self, statement: ast.If, scope: Scope) -> None:
        """The rise that this lab's own code writes out in the loop."""
        if ast.dump(statement) != _WARMING:
            return
        length, start = scope.get("warmup"), scope.get("start_factor")
        steps, source = scope.get("steps_per_epoch"), self._sources.get("warmup")
        if not isinstance(length, int) or not is_number(start) or not (1 <= length <= 10_000_000 and 0 <= start <= 1):
            return
        warmup = Warmup(length=length, unit="step", start_factor=start)
        if isinstance(source, ast.BinOp) and isinstance(steps, int) and steps > 0 and length % steps == 0:
            warmup = Warmup(length=length // steps, unit="epoch", start_factor=start)
        self.script.warmup = warmup


def _is_keras(module: str, positional: Sequence[Value], keywords: Mapping[str, Value]) -> bool:
    says = any(word in module for word in ("keras", "callbacks", "tensorflow"))
    return says or not {"monitor", "min_delta"}.isdisjoint(keywords) or not (positional or "optimizer" in keywords)


def contained(built: Built) -> Iterator[Built]:
    """The schedulers that `built` is given."""
    values: list[Any] = [*built.positional, *built.keywords.values()]
    for value in values:
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Built):
                yield one
