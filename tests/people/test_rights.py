"""The table of rights, worked out by hand for everybody and for everything that somebody may be to a thing."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lrlab.errors import Forbidden, LabError
from lrlab.home import Home
from lrlab.rights import ACTIONS, LOCAL, Person, demand, may, owns, person, sees

ANN = Person("ann@school.example", "student")
BEN = Person("ben@school.example", "student")
TEACHER = Person("tea.cher@school.example", "teacher")


@dataclass(frozen=True)
class Thing:
    owner: str
    shared: bool = False


HERS, SHARED, NOBODYS, LENT = Thing(ANN.mail), Thing(ANN.mail, True), Thing(""), Thing("", True)

SEES_OWNS = [
    (ANN, HERS, True, True),
    (ANN, SHARED, True, True),
    (ANN, NOBODYS, False, False),
    (ANN, LENT, True, False),
    (BEN, HERS, False, False),
    (BEN, SHARED, True, False),
    (BEN, NOBODYS, False, False),
    (TEACHER, HERS, True, True),
    (TEACHER, NOBODYS, True, True),
    (LOCAL, HERS, True, True),
    (LOCAL, NOBODYS, True, True),
    (Person("", "student"), NOBODYS, False, False),  # no such person is made; nobody's things would not be theirs
]


@pytest.mark.parametrize(("who", "thing", "seen", "owned"), SEES_OWNS)
def test_who_sees_and_who_owns(who: Person, thing: Thing, seen: bool, owned: bool) -> None:
    assert (sees(who, thing), owns(who, thing)) == (seen, owned)


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(("who", "thing", "seen", "owned"), SEES_OWNS)
def test_every_action_goes_by_its_right(action: str, who: Person, thing: Thing, seen: bool, owned: bool) -> None:
    allowed = {"everyone": True, "viewer": seen, "owner": owned, "teacher": who.role != "student"}
    assert may(who, action, thing) == allowed[ACTIONS[action].right]


@pytest.mark.parametrize("action", ["stop a run", "delete a data set", "rename a run"])
def test_what_is_seen_and_not_owned_is_refused_with_a_sentence(action: str) -> None:
    with pytest.raises(Forbidden, match=f"only whoever it belongs to, or a teacher, may {action}"):
        demand(BEN, action, SHARED)
    demand(ANN, action, SHARED)


def test_what_has_no_entry_cannot_be_asked_for() -> None:
    with pytest.raises(KeyError):
        may(LOCAL, "do something new")


@pytest.mark.parametrize("action", [name for name, action in ACTIONS.items() if action.right in ("viewer", "owner")])
def test_a_right_to_a_thing_needs_the_thing(action: str) -> None:
    with pytest.raises(ValueError, match="nothing was given"):
        may(LOCAL, action)


@pytest.mark.parametrize(
    ("mail", "mine", "role"),
    [
        ("tea.cher@school.example", "tea.cher@school.example", "teacher"),
        (" TEA.cher@School.example ", "tea.cher@school.example", "teacher"),
        ("Ann@School.example", "ann@school.example", "student"),
        ("xtea.cher@school.example", "xtea.cher@school.example", "student"),
        ("tea.cher@school.example.evil.example", "tea.cher@school.example.evil.example", "student"),
    ],
)
def test_the_settings_say_who_teaches(home: Home, mail: str, mine: str, role: str) -> None:
    home.settings.write_text('[people]\nteachers = ["Tea.Cher@school.example"]\n')
    assert person(home, mail) == Person(mine, role)


def test_without_settings_nobody_teaches(home: Home) -> None:
    assert person(home, "ann@school.example").role == "student"


@pytest.mark.parametrize("mail", ["", "  "])
def test_somebody_without_an_address_is_nobody(home: Home, mail: str) -> None:
    with pytest.raises(LabError):
        person(home, mail)


def test_settings_with_a_fault_make_nobody_a_teacher(home: Home) -> None:
    home.settings.write_text("[people]\nteachers = 3\n")
    with pytest.raises(LabError, match="teachers"):
        person(home, "ann@school.example")
