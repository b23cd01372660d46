"""The runs whose logged validation metric can be asked what ReduceLROnPlateau would have done."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import streamlit as st

from lrlab.desk import Desk
from lrlab.home import Home
from lrlab.rights import Person, Role
from lrlab.runs import table

MOST = 50


def measured_runs(desk: Desk) -> list[dict[str, str]]:
    """Id and name of at most MOST runs that have validated, the newest first; read anew once a log has grown."""
    home, person = desk.home, desk.person
    logs, records = _stand(home, "*/epochs-*.csv"), _stand(home, "*/run.json")
    return _measured(str(home.root), (person.mail, person.role), logs, records)


def _stand(home: Home, pattern: str) -> tuple[int, int]:
    """How many such files the runs have, and when one was last written."""
    count = newest = 0
    for path in home.runs.glob(pattern):
        with suppress(FileNotFoundError):  # a run that was deleted meanwhile
            count, newest = count + 1, max(newest, path.stat().st_mtime_ns)
    return count, newest


@st.cache_data(max_entries=64, show_spinner=False)
def _measured(
    root: str, whose: tuple[str, Role], logs: tuple[int, int], records: tuple[int, int]
) -> list[dict[str, str]]:
    known = table(Desk(Home(Path(root)), Person(*whose)).runs()[:MOST])
    known = known[known["val_loss"].notna() | known["val_accuracy"].notna()]
    return [{"id": id, "name": name} for id, name in zip(known["id"], known["name"], strict=True)]
