"""Starting lrlab's own processes so that they outlive whoever started them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

import lrlab
from lrlab.home import Home

NICENESS = 5
"""A process behind the pages that stands back so far still gets a third of a core that both want."""


def environment(home: Home) -> Mapping[str, str]:
    """This process's environment, in which `python -m lrlab` finds this lrlab and this lab from any folder."""
    package = str(Path(lrlab.__file__).resolve().parents[1])
    paths = [package, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        **os.environ,
        "LRLAB_HOME": str(home.root),
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
        "PYTHONUNBUFFERED": "1",  # what a process printed last before it was killed is worth reading
    }


def own_session() -> dict[str, Any]:
    """Arguments of Popen for a process that neither Ctrl-C nor a closed terminal nor its parent's end reaches."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def give_way(pid: int) -> None:
    """Lowers a process's priority, if it is not as low already: the pages must answer while it takes every core."""
    with suppress(psutil.Error):  # it is gone, or the system does not let us: it works all the same
        process = psutil.Process(pid)
        if sys.platform == "win32":
            process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            process.nice(max(process.nice(), NICENESS))
