"""The commands by which lrlab starts its own processes; they stand in no help."""

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

    supervising: Parser = groups.add_parser("supervise", description="Give waiting runs to workers.")
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

    jobs.supervise(lab_home())
    return 0


def import_(given: argparse.Namespace) -> int:
    from lrlab import jobs

    return jobs.run_import(lab_home(), given.id)


def answer(given: argparse.Namespace) -> int:
    from lrlab.settings import helper_idle
    from lrlab.training import answering

    return answering.answer_all(helper_idle(lab_home()))
