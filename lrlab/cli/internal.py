"""The commands by which lrlab starts its own processes; a person may want to start the supervisor, and only that."""

from __future__ import annotations

import argparse

from lrlab.cli.parser import Groups, Parser
from lrlab.home import lab_home


def add_to(groups: Groups) -> None:
    working: Parser = groups.add_parser("work", description="Train one run from its run.json to its end.")
    which = working.add_mutually_exclusive_group(required=True)
    which.add_argument("id", metavar="RUN_ID", nargs="?", help="the run's id")
    which.add_argument("--wait", action="store_true", help='get ready, print "ready", and read the id from stdin')
    working.set_defaults(run=work)

    supervising: Parser = groups.add_parser(
        "supervise",
        help="give waiting runs to workers, in this terminal; lrlab starts it by itself where it is needed",
        description="Give waiting runs to workers, as lrlab does by itself in the background where nobody does. "
        "Ctrl-C ends it; runs that workers have go on, and the next supervisor takes them over.",
    )
    supervising.set_defaults(run=supervise)

    importing: Parser = groups.add_parser("import", description="Carry out an import that was asked for.")
    importing.add_argument("id", metavar="ID", help="the import's id")
    importing.set_defaults(run=import_)

    answering: Parser = groups.add_parser("answer", description="Answer the questions that come on stdin.")
    answering.set_defaults(run=answer)


def work(given: argparse.Namespace) -> int:
    from lrlab import training

    return training.wait_and_work(lab_home()) if given.wait else training.work(lab_home(), given.id)


def supervise(given: argparse.Namespace) -> int:
    from lrlab import jobs
    from lrlab.errors import LabError

    home = lab_home()
    if not jobs.supervise(home):
        raise LabError(f"supervise: this lab has a supervisor at work already; it writes {home.supervisor_log}")
    return 0


def import_(given: argparse.Namespace) -> int:
    from lrlab import jobs

    return jobs.import_process(lab_home(), given.id)


def answer(given: argparse.Namespace) -> int:
    from lrlab.settings import Followed, helper_idle
    from lrlab.training import answering

    return answering.answer_all(Followed(lab_home(), helper_idle))
