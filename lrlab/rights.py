"""Who may do what: the people of a lab, and one table of rights for every page, route and deed.

Without a sign-in there is one person, the local user, who may do all. Where people sign in, those whom the lab's
settings name are teachers and everyone else is a student. A student sees what is their own and what is shared with the
class, and changes only what is their own; a teacher sees and may do all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from lrlab.errors import Forbidden, LabError
from lrlab.home import Home
from lrlab.settings import settings

Role = Literal["local", "teacher", "student"]


@dataclass(frozen=True)
class Person:
    """Somebody at a page or a route. `mail` is their address in small letters, empty for the local user."""

    mail: str
    role: Role

    @property
    def may_all(self) -> bool:
        return self.role != "student"


LOCAL = Person("", "local")
"""Whoever sits at a lab that nobody signs in to."""


class Owned(Protocol):
    """What belongs to somebody: a run, a data set, an upload or an import."""

    @property
    def owner(self) -> str: ...

    @property
    def shared(self) -> bool: ...


Kind = Literal["page", "deed", "read", "change", "converse"]
"""How it is asked for: a page is opened, a deed is done on a page; a route reads or changes, or converses over a
WebSocket. What a page and a route both offer has the route's kind."""

Right = Literal["everyone", "viewer", "owner", "teacher"]
"""Who may: whoever may enter; who sees the thing; whose it is; who teaches. A teacher and the local user always may."""


class Action(NamedTuple):
    kind: Kind
    right: Right


ACTIONS: dict[str, Action] = {
    # Pages
    "open Schedule": Action("page", "everyone"),
    "open Gallery": Action("page", "everyone"),
    "open Images": Action("page", "everyone"),
    "open Find LR": Action("page", "everyone"),
    "open Train": Action("page", "everyone"),
    "open Compare": Action("page", "everyone"),
    "open Lab": Action("page", "everyone"),
    # Schedules
    "read the chart library": Action("read", "everyone"),
    "preview a schedule": Action("read", "everyone"),
    "preview a schedule while it is composed": Action("converse", "everyone"),
    # Runs
    "start a run": Action("deed", "everyone"),
    "watch runs": Action("read", "viewer"),
    "download a run's files": Action("read", "viewer"),
    "try an image on a model": Action("change", "viewer"),
    "evaluate a run": Action("deed", "owner"),
    "stop a run": Action("change", "owner"),
    "change a run's LR": Action("change", "owner"),
    "resume a run": Action("change", "owner"),
    "try a run again": Action("change", "owner"),
    "rename a run": Action("deed", "owner"),
    "share a run with the class": Action("deed", "owner"),
    "delete a run": Action("deed", "owner"),
    # Images
    "upload images": Action("change", "everyone"),
    "go on with an upload": Action("change", "owner"),
    "cancel an upload": Action("change", "everyone"),  # of somebody else nothing is found to cancel
    "add the sample set": Action("change", "everyone"),
    "add images that lie on the server": Action("change", "teacher"),
    "watch an import": Action("read", "owner"),
    "cancel an import": Action("change", "owner"),
    "look at images": Action("read", "viewer"),
    "train on a data set": Action("deed", "viewer"),
    "share a data set with the class": Action("deed", "owner"),
    "delete a data set": Action("deed", "owner"),
    # The lab
    "read the lab's status": Action("read", "everyone"),
    "move a run in the queue": Action("change", "teacher"),
    "clean up the lab": Action("change", "teacher"),
}
"""Every action that a page or a route may perform. What has no entry cannot be asked for: `may` raises KeyError."""


def person(home: Home, mail: str) -> Person:
    """Whoever signed in with the address `mail`. LabError where the lab's settings have a fault."""
    own = mail.strip().casefold()
    if not own:
        raise LabError("a person who signed in has a mail address")
    teachers = {teacher.strip().casefold() for teacher in settings(home).people.teachers}
    return Person(own, "teacher" if own in teachers else "student")


def sees(person: Person, thing: Owned) -> bool:
    """Whether `thing` is there at all for `person`: their own, shared with the class, or anything for a teacher."""
    return person.may_all or thing.shared or owns(person, thing)


def owns(person: Person, thing: Owned) -> bool:
    """Whether `thing` is theirs. What has no owner is the local user's, whom nobody who signs in is."""
    return person.may_all or (bool(thing.owner) and thing.owner == person.mail)


def may(person: Person, action: str, thing: Owned | None = None) -> bool:
    """Whether `person` may do `action`, an entry of ACTIONS, to `thing`.

    ValueError where the entry's right is one to a thing and none is given.
    """
    right = ACTIONS[action].right
    if right in ("viewer", "owner") and thing is None:
        raise ValueError(f"{action!r} is done to something, and nothing was given")
    if person.may_all or right == "everyone":
        return True
    if right == "teacher" or thing is None:
        return False
    return sees(person, thing) if right == "viewer" else owns(person, thing)


def demand(person: Person, action: str, thing: Owned | None = None) -> None:
    """Forbidden where `person` may not do `action` to `thing`, which they see."""
    if not may(person, action, thing):
        who = "a teacher" if ACTIONS[action].right == "teacher" else "whoever it belongs to, or a teacher,"
        raise Forbidden(f"only {who} may {action}")
