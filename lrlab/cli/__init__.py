"""The same deeds from a terminal: `python -m lrlab`. Parsing and errors are here, each group of commands in its module.

What takes long to import (pandas, Plotly, torch) is imported by the command that needs it, so that help comes at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from lrlab.cli import (
    backup,
    catalogues,
    compare,
    data,
    doctor,
    evaluate,
    find_lr,
    internal,
    predict,
    runs,
    schedule,
    status,
    train,
)
from lrlab.cli.parser import Parser
from lrlab.cli.terminal import complain

REFUSED = 2
"""The exit code where a command could not do what was asked; argparse uses it too."""

INTERRUPTED = 130
BROKEN_PIPE = 141
"""The exit codes that a shell gives to a program ended by Ctrl-C or by a pipe that nobody reads any more."""

EPILOG = """\
The lab lies in the folder that the environment variable LRLAB_HOME names, else in ~/.lrlab.
CSV and JSON count steps and epochs from 0, as torch does; what is said of a run counts its epochs from 1.
Exit code 0: done; 1: a run did not succeed; 2: refused, the reason is on stderr.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carries out one command line (default: the process's own) and returns its exit code.

    SystemExit passes through where argparse ends the program: after --help, or with 2 where the line makes no sense.
    """
    for stream in (sys.stdout, sys.stderr):
        # A name in Chinese must not end a command in a terminal that cannot show it.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    parsed = _parser().parse_args(arguments)
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read the output has enough
        _give_up_stdout()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    except (ValueError, OSError) as error:
        return _refused(error)


def _refused(error: ValueError | OSError) -> int:
    """Says what was wrong; an error that is not meant for a person is a fault of lrlab and is raised again."""
    from pydantic import ValidationError

    from lrlab.errors import LabError, from_validation

    if isinstance(error, ValidationError):
        error = from_validation(error)
    if isinstance(error, OSError):
        named = error.filename is not None
        complain(f"{error.filename}: {error.strerror}" if named else error.strerror or str(error))
        if not named:  # such as a full disk behind stdout
            _give_up_stdout()
    elif isinstance(error, LabError):
        complain(str(error))
    else:
        raise error
    return REFUSED


def _give_up_stdout() -> None:
    """Lets what is still to be written vanish; Python would complain once more when it flushes at its own end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> Parser:
    parser = Parser(
        prog="python -m lrlab",
        description="See a learning-rate schedule, try it on your own images, compare what it did.",
        epilog=EPILOG,
    )
    groups = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in (
        schedule,
        data,
        find_lr,
        train,
        runs,
        compare,
        evaluate,
        predict,
        status,
        catalogues,
        backup,
        doctor,
        internal,
    ):
        group.add_to(groups)
    return parser
