"""The values that an Experiment is made of: frozen parts, and numbers in their ranges."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lrlab.schedules import LR_CAP


class Part(BaseModel):
    """A frozen part of an Experiment; unknown settings are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


def _plain(text: str) -> str:
    if any(not character.isprintable() for character in text):
        raise ValueError("holds a control character; allowed: printable text")
    return text.strip()


Name = Annotated[str, Field(max_length=120), AfterValidator(_plain)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Positive = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
ShareBelowOne = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
ShareBetween = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
LearningRate = Annotated[float, Field(gt=0, le=LR_CAP, allow_inf_nan=False)]
Penalty = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
"""A weight decay, or the weight of an L1 or L2 penalty in the loss."""
