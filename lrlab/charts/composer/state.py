"""What the composer holds: the schedule on its run, the recipe it comes from, the view, and what was kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from lrlab.errors import LabError
from lrlab.schedules import RECIPES, Composition, Recipe

MAX_KEPT = 8

Plain = bool | int | float | str | tuple[int, ...] | None
"""A recipe's value as JSON has it; the recipe itself knows which of these it takes."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RecipeChoice(_Value):
    """A named recipe and the values that were set; the schedule beside it is what they become in the composition's run.

    Values that nobody has set follow the run.
    """

    name: str
    values: dict[str, Plain] = Field(default_factory=dict, max_length=40)

    @property
    def recipe(self) -> Recipe:
        """LabError where there is no recipe of this name."""
        if self.name not in RECIPES:
            raise LabError(f"recipe: {self.name[:60]!r} is unknown, allowed: {', '.join(RECIPES)}", field="recipe.name")
        return RECIPES[self.name]


class Kept(_Value):
    """A schedule kept for comparison; `colour` is its place in the palette."""

    composition: Composition
    colour: Annotated[int, Field(ge=0, le=1000)]
    recipe: RecipeChoice | None = None


class PreviewState(_Value):
    """All that the page holds: the composition, the recipe behind its schedule, the view and what was kept."""

    composition: Composition = Composition()
    recipe: RecipeChoice | None = None
    x: Literal["epoch", "step"] = "epoch"
    log: bool = False
    kept: tuple[Kept, ...] = Field(default=(), max_length=MAX_KEPT)

    @property
    def next_colour(self) -> int:
        """The palette place of the schedule being composed."""
        used = {kept.colour for kept in self.kept}
        return next(place for place in range(len(used) + 1) if place not in used)

    @property
    def compositions(self) -> tuple[Composition, ...]:
        """All that is drawn: the one being composed first, then those that were kept."""
        return self.composition, *(kept.composition for kept in self.kept)

    def with_composition(self, composition: Composition) -> PreviewState:
        """The state with a schedule that comes from no recipe."""
        return self.model_copy(update={"composition": composition, "recipe": None})


def resolved(state: PreviewState) -> PreviewState:
    """`state` with the schedule that its recipe becomes in its run; LabError where the recipe refuses a value."""
    if state.recipe is None:
        return state
    run = state.composition
    recipe = state.recipe.recipe
    try:
        schedule = recipe.expand(state.recipe.values, run.epochs, run.steps_per_epoch, run.lr)
    except LabError as error:
        raise LabError(str(error), field=f"recipe.{error.field}" if error.field else "recipe") from error
    composition = run if schedule == run.schedule else run.model_copy(update={"schedule": schedule})
    return state.model_copy(update={"composition": composition})
