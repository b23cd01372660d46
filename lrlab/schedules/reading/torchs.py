"""From a call that builds one of torch's schedulers to its spec: arguments by torch's signature, each one looked at."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lrlab.errors import from_validation
from lrlab.schedules.code_parts import PER_GROUP
from lrlab.schedules.reading.functions import formula_of, table_of
from lrlab.schedules.reading.text import quoted, refusal
from lrlab.schedules.reading.values import Built, Evaluator, Function, Unknown, is_number
from lrlab.schedules.spec import MAX_DEPTH, MAX_SCHEDULERS, Scheduler

_TAIL = ("last_epoch", "verbose")
SIGNATURES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "LambdaLR": ("optimizer", "lr_lambda", *_TAIL),
        "MultiplicativeLR": ("optimizer", "lr_lambda", *_TAIL),
        "StepLR": ("optimizer", "step_size", "gamma", *_TAIL),
        "MultiStepLR": ("optimizer", "milestones", "gamma", *_TAIL),
        "ConstantLR": ("optimizer", "factor", "total_iters", *_TAIL),
        "LinearLR": ("optimizer", "start_factor", "end_factor", "total_iters", *_TAIL),
        "ExponentialLR": ("optimizer", "gamma", *_TAIL),
        "PolynomialLR": ("optimizer", "total_iters", "power", *_TAIL),
        "CosineAnnealingLR": ("optimizer", "T_max", "eta_min", *_TAIL),
        "CosineAnnealingWarmRestarts": ("optimizer", "T_0", "T_mult", "eta_min", *_TAIL),
        "CyclicLR": (
            "optimizer", "base_lr", "max_lr", "step_size_up", "step_size_down", "mode", "gamma", "scale_fn",
            "scale_mode", "cycle_momentum", "base_momentum", "max_momentum", *_TAIL,
        ),
        "OneCycleLR": (
            "optimizer", "max_lr", "total_steps", "epochs", "steps_per_epoch", "pct_start", "anneal_strategy",
            "cycle_momentum", "base_momentum", "max_momentum", "div_factor", "final_div_factor", "three_phase", *_TAIL,
        ),
        "ReduceLROnPlateau": (
            "optimizer", "mode", "factor", "patience", "threshold", "threshold_mode", "cooldown", "min_lr", "eps",
            "verbose",
        ),
        "SequentialLR": ("optimizer", "schedulers", "milestones", *_TAIL),
        "ChainedScheduler": ("schedulers", "optimizer"),
    }
)  # fmt: skip
"""The arguments of torch's classes in their order; `verbose` stood last until torch 2.7 took it away."""

TEXTS = ("mode", "anneal_strategy", "threshold_mode", "cycle_momentum", "three_phase")
"""Arguments that are no numbers and therefore cannot be asked for."""

_SCHEDULER: TypeAdapter[Scheduler] = TypeAdapter(Scheduler)


@dataclass
class Findings:
    """What comes up while a text is read. `missing`: unknown names that must be known, with what they are for."""

    shares: Sequence[float] = ()
    """Each parameter group's LR over the base LR, where the text lists groups."""
    notes: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    _schedulers: int = 0
    _depth: int = 0

    @contextmanager
    def within(self, built: Built) -> Iterator[None]:
        """While the arguments of `built` are read. A few lines can build a nest that no machine could hold."""
        self._schedulers, self._depth = self._schedulers + 1, self._depth + 1
        if self._schedulers > MAX_SCHEDULERS or self._depth > MAX_DEPTH:
            raise refusal(
                f"{quoted(built.node)} holds too many schedulers, allowed: at most {MAX_SCHEDULERS}, "
                f"nested at most {MAX_DEPTH} deep"
            )
        yield
        self._depth -= 1

    def note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def ask(self, unknown: Unknown, what: str) -> None:
        for name in unknown.names:
            self.missing.setdefault(name, what)


def arguments(built: Built, signature: Sequence[str], aliases: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What `built` gives to each argument of `signature`; LabError for what the class does not know."""
    if len(built.positional) > len(signature):
        raise refusal(
            f"{quoted(built.node)} gives {len(built.positional)} arguments, allowed: at most {len(signature)} "
            f"({', '.join(signature)})"
        )
    given = dict(zip(signature, built.positional, strict=False))
    for keyword, value in built.keywords.items():
        name = (aliases or {}).get(keyword, keyword)
        if name not in signature:
            known = ", ".join(argument for argument in signature if argument not in ("optimizer", *_TAIL))
            raise refusal(f"{quoted(built.node)}: {built.name} has no argument {keyword!r}, allowed: {known}")
        if name in given:
            raise refusal(f"{quoted(built.node)} gives {keyword!r} twice")
        given[name] = value
    return given


def validated(values: dict[str, Any], node: ast.AST) -> Scheduler:
    """The spec with these values; the LabError of one that is not legal quotes `node`."""
    try:
        return _SCHEDULER.validate_python(values)
    except ValidationError as error:
        raise refusal(f"{quoted(node)}: {from_validation(error)}") from error


def scheduler_of(built: Built, evaluator: Evaluator, findings: Findings) -> Scheduler | None:
    """The spec of `built`; None where names in it are unknown, which `findings` then hold. Raises LabError."""
    given = arguments(built, SIGNATURES[built.name])
    _drop(built, given, findings)
    values: dict[str, Any] = {"name": built.name}
    complete = True
    with findings.within(built):
        for name, value in given.items():
            found = _argument(built, name, value, evaluator, findings)
            if isinstance(found, Unknown):
                findings.ask(found, f"{name} of {built.name}")
                complete = False
            else:
                values.update(found)
    return validated(values, built.node) if complete else None


def _drop(built: Built, given: dict[str, Any], findings: Findings) -> None:
    """Takes out what says nothing about the schedule."""
    given.pop("optimizer", None)
    if "verbose" in given:
        del given["verbose"]
        findings.note(f"{built.name}: verbose was dropped; torch no longer has it.")
    if "last_epoch" in given:
        if given.pop("last_epoch") == -1:
            findings.note(f"{built.name}: last_epoch=-1 was dropped; it is the default.")
        else:
            findings.note(f"{built.name}: last_epoch was dropped; the schedule is read from its beginning.")
    if given.pop("scale_fn", None) is not None:
        raise refusal(
            f"{quoted(built.node)}: scale_fn is a function of one's own, which CyclicLR does not take here; "
            'allowed: mode="triangular", "triangular2" or "exp_range", or a LambdaLR with a formula'
        )
    given.pop("scale_mode", None)


def _argument(
    built: Built, name: str, value: Any, evaluator: Evaluator, findings: Findings
) -> dict[str, Any] | Unknown:
    """The field of the spec that the argument `name` sets."""
    if name == "lr_lambda":
        return _function(built, value, evaluator, findings)
    if name == "schedulers":
        return _inner(built, value, evaluator, findings)
    if name == "milestones":
        return _milestones(built, value)
    if isinstance(value, list) and name in (*PER_GROUP, "base_momentum", "max_momentum"):
        value = _of_all_groups(built, name, value, findings)
    if isinstance(value, Unknown) and name not in TEXTS:
        return value
    if isinstance(value, Unknown | list | dict | Function | Built):
        asked = "its name or True or False" if name in TEXTS else "a number"
        raise refusal(f"{quoted(built.node)}: {name} is not given in a way that can be read; write {asked}")
    return {name: value}


def _function(built: Built, value: Any, evaluator: Evaluator, findings: Findings) -> dict[str, Any] | Unknown:
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    if isinstance(value, list):
        raise refusal(
            f"{quoted(built.node)}: lr_lambda is a list, a function for each parameter group; allowed: one function, "
            "which holds for every group. Give the groups LRs of their own, and paste one of the functions"
        )
    if not isinstance(value, Function):
        name = f"the function {quoted(value.names[0])}" if isinstance(value, Unknown) else "lr_lambda"
        raise refusal(
            f"{quoted(built.node)}: {name} is not in the text, or is more than an expression, and nothing pasted here "
            "is executed; allowed: a lambda such as `lambda epoch: 0.65 ** epoch`, or its def pasted along"
        )
    table = table_of(value, evaluator)
    if table:
        if built.name == "MultiplicativeLR":
            raise refusal(f"{quoted(built.node)}: MultiplicativeLR takes no table of points; allowed: LambdaLR")
        return {"table": table.model_dump()}
    formula = formula_of(value, evaluator)
    return formula if isinstance(formula, Unknown) else {"formula": formula}


def _inner(built: Built, value: Any, evaluator: Evaluator, findings: Findings) -> dict[str, Any] | Unknown:
    if not isinstance(value, list) or not all(isinstance(one, Built) and one.name in SIGNATURES for one in value):
        raise refusal(
            f"{quoted(built.node)}: schedulers is no list of torch's schedulers that the text builds; allowed: "
            "`schedulers=[scheduler1, scheduler2]` with the lines that build both, or the schedulers themselves"
        )
    if [one.order for one in value] != sorted(one.order for one in value):
        findings.note(
            f"{built.name} lists its schedulers in another order than they are built in; torch's building of one "
            "changes what the next one finds, and the curve takes the order of the list."
        )
    made = [scheduler_of(one, evaluator, findings) for one in value]
    complete = [scheduler.model_dump() for scheduler in made if scheduler]
    return {"schedulers": complete} if len(complete) == len(made) else Unknown(())


def _milestones(built: Built, value: Any) -> dict[str, Any] | Unknown:
    if not isinstance(value, list) or not all(is_number(one) or isinstance(one, Unknown) for one in value):
        raise refusal(f"{quoted(built.node)}: milestones is no list of numbers; allowed: such as `milestones=[30, 60]`")
    unknown = [name for one in value if isinstance(one, Unknown) for name in one.names]
    if unknown:
        return Unknown(tuple(unknown))
    # MultiStepLR counts its milestones, so that torch takes them in any order.
    return {"milestones": sorted(value) if built.name == "MultiStepLR" else value}


def shortest(value: float) -> float:
    """`value` with as few digits as it has but for the rounding of a product or a quotient."""
    for digits in range(1, 13):
        short = float(f"{value:.{digits}g}")
        if abs(short - value) <= 1e-11 * abs(value):
            return short
    return value


def _of_all_groups(built: Built, name: str, values: list[Any], findings: Findings) -> Any:
    """The one value behind a list with a value for each parameter group."""
    shares = findings.shares or ((1.0,) if len(values) == 1 else ())
    if len(shares) == len(values) and all(map(is_number, values)):
        scaled = [value / share if name in PER_GROUP else value for value, share in zip(values, shares, strict=True)]
        if max(scaled) - min(scaled) <= 1e-9 * abs(max(scaled)):
            return shortest(scaled[0])
    raise refusal(
        f"{quoted(built.node)}: {name} is a list, a value for each parameter group; allowed: one number, meant for the "
        "base LR, of which every group takes its share. Give the groups their LRs, and paste one number"
    )
