"""From Keras's schedules, and from transformers' schedule functions, to a spec: what tutorials paste beside torch.

They give the LR of every update, so that what comes of them is stepped after every update.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from lrlab.schedules.reading.text import quoted, refusal
from lrlab.schedules.reading.torchs import Findings, arguments, shortest, validated
from lrlab.schedules.reading.values import Built, Unknown, is_number
from lrlab.schedules.spec import Scheduler, Warmup


@dataclass(frozen=True)
class Found:
    """What a schedule of another library says. `lr`: its own base LR; None where it multiplies the optimiser's."""

    scheduler: Scheduler
    lr: float | None = None
    warmup: Warmup | None = None
    interval: Literal["epoch", "step"] = "step"


@dataclass(frozen=True)
class _Kind:
    """`signature`: the arguments in their order. `defaults`: of those that may be left out; `texts`: are no numbers."""

    signature: tuple[str, ...]
    defaults: Mapping[str, Any]
    read: Callable[[Built, Any], Found]
    texts: tuple[str, ...] = ("name", "optimizer")


def found_of(built: Built, findings: Findings) -> Found | None:
    """What `built` says; None where names in it are unknown, which `findings` then hold. Raises LabError."""
    kind = KINDS[built.name]
    given = {**kind.defaults, **arguments(built, kind.signature, _ALIASES)}
    values: dict[str, Any] = {}
    complete = True
    for name in kind.signature:
        if name not in given:
            raise refusal(f"{quoted(built.node)}: {name} is required")
        values[name] = given[name]
        if name in kind.texts:
            continue
        for part in values[name] if name in _LISTS and isinstance(values[name], list) else [values[name]]:
            if isinstance(part, Unknown) and name not in _FLAGS:
                findings.ask(part, f"{name} of {built.name}")
                complete = False
            elif not (isinstance(part, bool) if name in _FLAGS else is_number(part) or part is kind.defaults.get(name)):
                raise refusal(f"{quoted(built.node)}: {name} is not given in a way that can be read; write it out")
    if not complete:
        return None
    found = kind.read(built, values)
    if found.lr is not None and not found.lr > 0:
        raise refusal(f"{quoted(built.node)}: it starts at LR {found.lr}, allowed: above 0")
    return found


def _exponential(built: Built, given: Any) -> Found:
    lr, length, rate = given["initial_learning_rate"], given["decay_steps"], given["decay_rate"]
    if given["staircase"] is True:
        made = {"name": "StepLR", "step_size": length, "gamma": rate}
    else:
        _above_zero(built, "decay_steps", length)
        _above_zero(built, "decay_rate", rate)
        made = {"name": "ExponentialLR", "gamma": float(rate) ** (1 / length)}
    return Found(validated(made, built.node), lr)


def _inverse_time(built: Built, given: Any) -> Found:
    _above_zero(built, "decay_steps", given["decay_steps"])
    share = f"step / {given['decay_steps']!r}"
    share = f"floor({share})" if given["staircase"] is True else share
    formula = f"1 / (1 + {given['decay_rate']!r} * {share})"
    return Found(validated({"name": "LambdaLR", "formula": formula}, built.node), given["initial_learning_rate"])


def _piecewise(built: Built, given: Any) -> Found:
    boundaries, values = given["boundaries"], given["values"]
    if not (isinstance(boundaries, list) and isinstance(values, list) and len(values) == len(boundaries) + 1):
        raise refusal(f"{quoted(built.node)}: allowed: a list of boundaries and a list of one value more")
    lr = values[0]
    if not lr > 0:
        return Found(validated({"name": "Fixed"}, built.node), lr)
    ratios = [after / before if before else 0.0 for before, after in itertools.pairwise(values)]
    # Keras changes the LR after a boundary, torch at a milestone.
    calls = [boundary + 1 for boundary in boundaries]
    if ratios and max(ratios) - min(ratios) <= 1e-9 * max(ratios):
        made = {"name": "MultiStepLR", "milestones": calls, "gamma": shortest(ratios[0])}
    else:
        points = [(0, 1.0), *zip(calls, (shortest(value / lr) for value in values[1:]), strict=True)]
        made = {"name": "LambdaLR", "table": {"points": points, "interpolation": "step"}}
    return Found(validated(made, built.node), lr)


def _polynomial(built: Built, given: Any) -> Found:
    lr, length, end, power = (given[name] for name in _POLYNOMIAL[:4])
    if given["cycle"] not in (False, None):
        raise refusal(f"{quoted(built.node)}: cycle=True is not read; allowed: cycle=False")
    _above_zero(built, "initial_learning_rate", lr)
    _above_zero(built, "decay_steps", length)
    factor = shortest(end / lr)
    if end == 0:
        made = {"name": "PolynomialLR", "total_iters": length, "power": power}
    elif power == 1 and 0 <= factor <= 1:
        made = {"name": "LinearLR", "start_factor": 1.0, "end_factor": factor, "total_iters": length}
    else:
        fall = f"{shortest(1 - factor)!r} * (1 - min(step, {length!r}) / {length!r}) ** {power!r}"
        made = {"name": "LambdaLR", "formula": f"{factor!r} + {fall}"}
    return Found(validated(made, built.node), lr)


def _cosine(built: Built, given: Any) -> Found:
    lr, length, alpha = given["initial_learning_rate"], given["decay_steps"], given["alpha"]
    warmup = None
    if given["warmup_target"] is not None and given["warmup_steps"]:
        start, lr, rise = lr, given["warmup_target"], given["warmup_steps"]
        _above_zero(built, "warmup_target", lr)
        if type(rise) is not int or not 1 <= rise <= 10_000_000 or not 0 <= start <= lr:
            raise refusal(f"{quoted(built.node)}: allowed: a warm-up of whole steps that rises to warmup_target")
        warmup = Warmup(length=rise, unit="step", start_factor=shortest(start / lr))
    _above_zero(built, "decay_steps", length)
    # torch's cosine climbs again after its end, Keras's stays there.
    shape = f"(1 + cos(pi * min(step, {length!r}) / {length!r})) / 2"
    formula = f"{alpha!r} + {shortest(1 - alpha)!r} * {shape}" if alpha else shape
    return Found(validated({"name": "LambdaLR", "formula": formula}, built.node), lr, warmup)


def _restarts(built: Built, given: Any) -> Found:
    lr, times = given["initial_learning_rate"], given["t_mul"]
    if given["m_mul"] != 1:
        raise refusal(
            f"{quoted(built.node)}: m_mul={given['m_mul']} lowers every peak, which no scheduler of torch does; "
            "allowed: m_mul=1.0, or the recipe of restarts whose peaks shrink"
        )
    made = {
        "name": "CosineAnnealingWarmRestarts", "T_0": given["first_decay_steps"], "T_mult": times,
        "eta_min": given["alpha"] * lr,
    }  # fmt: skip
    return Found(validated(made, built.node), lr)


def _plateau(built: Built, given: Any) -> Found:
    mode = given["mode"]
    if mode not in ("min", "max"):
        mode = "max" if "acc" in str(given["monitor"]) else "min"
    patience, cooldown = given["patience"], given["cooldown"]
    made = {
        "name": "ReduceLROnPlateau", "mode": mode, "factor": given["factor"],
        # Keras cuts on bad epoch `patience`, torch on the one after; Keras's cooldown is an epoch shorter than it says.
        "patience": max(patience - 1, 0), "cooldown": max(cooldown - 1, 0),
        "threshold": given["min_delta"], "threshold_mode": "abs", "min_lr": given["min_lr"], "eps": 0.0,
    }  # fmt: skip
    return Found(validated(made, built.node), interval="epoch")


def _transformers(built: Built, given: Any) -> Found:
    rise, total = given.get("num_warmup_steps", 0), given.get("num_training_steps")
    made: dict[str, Any] = {"name": "Fixed"}
    if total is not None and built.name == "get_linear_schedule_with_warmup":
        made = {"name": "LinearLR", "start_factor": 1.0, "end_factor": 0.0, "total_iters": total - rise}
    elif total is not None:
        if given["num_cycles"] != 0.5:
            raise refusal(f"{quoted(built.node)}: num_cycles is not read; allowed: 0.5, half a cosine")
        made = {"name": "CosineAnnealingLR", "T_max": total - rise}
    if type(rise) is not int or not 0 <= rise <= 10_000_000:
        raise refusal(f"{quoted(built.node)}: num_warmup_steps: got {rise}, allowed: a whole number of steps")
    warmup = Warmup(length=rise, unit="step", start_factor=0.0) if rise else None
    return Found(validated(made, built.node), warmup=warmup)


def _above_zero(built: Built, name: str, value: Any) -> None:
    if not (is_number(value) and value > 0):
        raise refusal(f"{quoted(built.node)}: {name}: got {value}, allowed: above 0")


_ALIASES = {"learning_rate": "initial_learning_rate", "epsilon": "min_delta"}
"""Names that older versions of Keras took for the same."""
_DECAY = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")
_POLYNOMIAL = ("initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name")
_COSINE = ("initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps")
_RESTARTS = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")
_PLATEAU = ("monitor", "factor", "patience", "verbose", "mode", "min_delta", "cooldown", "min_lr")
_FLAGS, _LISTS = ("staircase", "cycle"), ("boundaries", "values")
_RISE = ("optimizer", "num_warmup_steps")

KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "ExponentialDecay": _Kind(_DECAY, {"staircase": False, "name": None}, _exponential),
        "InverseTimeDecay": _Kind(_DECAY, {"staircase": False, "name": None}, _inverse_time),
        "PiecewiseConstantDecay": _Kind(("boundaries", "values", "name"), {"name": None}, _piecewise),
        "PolynomialDecay": _Kind(
            _POLYNOMIAL, {"end_learning_rate": 0.0001, "power": 1.0, "cycle": False, "name": None}, _polynomial
        ),
        "CosineDecay": _Kind(_COSINE, {"alpha": 0.0, "name": None, "warmup_target": None, "warmup_steps": 0}, _cosine),
        "CosineDecayRestarts": _Kind(_RESTARTS, {"t_mul": 2.0, "m_mul": 1.0, "alpha": 0.0, "name": None}, _restarts),
        "keras.ReduceLROnPlateau": _Kind(
            _PLATEAU,
            {
                "monitor": "val_loss", "factor": 0.1, "patience": 10, "verbose": 0, "mode": "auto",
                "min_delta": 0.0001, "cooldown": 0, "min_lr": 0.0,
            },
            _plateau,
            ("monitor", "mode", "verbose"),
        ),
        "get_constant_schedule_with_warmup": _Kind((*_RISE, "last_epoch"), {"last_epoch": -1}, _transformers),
        "get_linear_schedule_with_warmup": _Kind(
            (*_RISE, "num_training_steps", "last_epoch"), {"last_epoch": -1}, _transformers
        ),
        "get_cosine_schedule_with_warmup": _Kind(
            (*_RISE, "num_training_steps", "num_cycles", "last_epoch"),
            {"num_cycles": 0.5, "last_epoch": -1},
            _transformers,
        ),
    }
)  # fmt: skip
