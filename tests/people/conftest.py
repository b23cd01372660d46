"""A lab with people in it: Ann's and Ben's runs, one of each shared with the class, and nobody's."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lrlab.experiments import Experiment
from lrlab.home import Home
from lrlab.rights import LOCAL, Person
from lrlab.runs import DatasetFacts, Run, create_run, update

ANN = Person("ann@school.example", "student")
BEN = Person("ben@school.example", "student")
TEACHER = Person("tea.cher@school.example", "teacher")
PEOPLE = {"ann": ANN, "ben": BEN, "teacher": TEACHER, "local": LOCAL}


@dataclass(frozen=True)
class Runs:
    """Three runs of Ann, Ben and the local user; `shared` is one more of Ann's, which the class may see."""

    ann: Run
    ben: Run
    local: Run
    shared: Run


@pytest.fixture
def people() -> dict[str, Person]:
    return PEOPLE


@pytest.fixture
def runs(home: Home) -> Runs:
    facts = DatasetFacts(id="abcdefghij", name="coffee", classes=("Dark", "Light"), train=160, val=40)

    def made(owner: Person, name: str) -> Run:
        experiment = Experiment(dataset="coffee", epochs=2, name=name)
        return create_run(home, experiment, dataset=facts, steps_per_epoch=5, owner=owner.mail)

    found = Runs(made(ANN, "of Ann"), made(BEN, "of Ben"), made(LOCAL, "of nobody"), made(ANN, "shared by Ann"))
    update(found.shared, shared=True)
    return found
