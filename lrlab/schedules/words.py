"""Schedules in words: a short label for legends and tables, and sentences about a curve."""

from __future__ import annotations

from lrlab.schedules.spec import ScheduleSpec


def number(value: float) -> str:
    """`value` as a person would write it: 0.001, 1e-4, 0.05, 3.1e-6; at most 3 significant digits."""
    if value == 0:
        return "0"
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if 0.001 <= abs(value) < 10_000:
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def label(spec: ScheduleSpec) -> str:
    """The schedule in one short line, such as "StepLR(step_size=5, gamma=0.5), warm-up 3 epochs"."""
    values = spec.scheduler.model_dump(exclude={"name"})
    inside = ", ".join(f"{key}={_shown(value)}" for key, value in values.items())
    text = f"{spec.scheduler.name}({inside})" if inside else spec.scheduler.name
    if spec.interval == "step" and inside:
        text += " per step"
    if spec.warmup:
        unit = spec.warmup.unit + ("s" if spec.warmup.length != 1 else "")
        text += f", warm-up {spec.warmup.length} {unit}"
    return text


def _shown(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value)
