"""The values that specs are made of: numbers in their ranges, milestones, formulas."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from lrlab.errors import LabError
from lrlab.schedules.formula import parse_formula

LR_CAP = 1000.0
"""No learning rate may exceed this, whatever formula or factor makes it."""


class Spec(BaseModel):
    """A frozen part of a schedule; unknown settings are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):  # Python counts True as 1; nobody who writes it means a length of one
        raise ValueError(f"got {value}, allowed: a number")
    return value


def _in_order(milestones: tuple[int, ...]) -> tuple[int, ...]:
    if list(milestones) != sorted(milestones):
        got, allowed = list(milestones), sorted(milestones)
        raise ValueError(f"got {got}, allowed: milestones in increasing order, such as {allowed}")
    return milestones


def _readable(text: str) -> str:
    try:
        parse_formula(text)
    except LabError as error:
        raise ValueError(str(error).removeprefix("formula: ")) from error
    return text


Number = BeforeValidator(_no_truth)
Count = Annotated[int, Field(ge=1, le=10_000_000), Number]
CountOrZero = Annotated[int, Field(ge=0, le=10_000_000), Number]
Factor = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False), Number]
Share = Annotated[float, Field(ge=0, le=1), Number]
ShareAboveZero = Annotated[float, Field(gt=0, le=1), Number]
Rate = Annotated[float, Field(ge=0, le=LR_CAP, allow_inf_nan=False), Number]
RateAboveZero = Annotated[float, Field(gt=0, le=LR_CAP, allow_inf_nan=False), Number]
Limit = Annotated[float, Field(ge=0, allow_inf_nan=False), Number]
Momentum = Annotated[float, Field(ge=0, lt=1), Number]
Divisor = Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False), Number]
Milestones = Annotated[tuple[CountOrZero, ...], AfterValidator(_in_order)]
Formula = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_readable)]
