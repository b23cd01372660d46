"""What a composition allows, by hand."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from lrlab.schedules import Composition
from lrlab.schedules.composition import MAX_GROUPS, ParameterGroup

GROUPS = tuple(ParameterGroup(name=str(number), multiplier=1) for number in range(MAX_GROUPS))


def test_groups_and_updates_together_have_a_limit() -> None:
    most = Composition(epochs=1000, steps_per_epoch=1000, groups=GROUPS)
    assert most.updates * len(most.groups) == 20_000_000
    said = "groups: got 20 for 1,001,000 updates, which are 20,020,000 LRs, allowed: at most 20,000,000 LRs"
    with pytest.raises(ValidationError, match=said):
        Composition(epochs=1000, steps_per_epoch=1001, groups=GROUPS)


def test_one_group_may_be_as_long_as_the_run() -> None:
    assert Composition(epochs=1000, steps_per_epoch=20_000, groups=GROUPS[:1]).updates == 20_000_000
    with pytest.raises(ValidationError, match="groups: got 2 for 20,000,000 updates"):
        Composition(epochs=1000, steps_per_epoch=20_000, groups=GROUPS[:2])


def test_two_groups_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="groups: got the name '1' twice, allowed: a name for each group"):
        Composition(groups=(*GROUPS[:2], GROUPS[1]))
