"""Reading what a person wrote: JSON documents, and the changes that --set makes to them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lrlab.errors import LabError, shown

KEPT: Mapping[str, frozenset[str]] = {
    "schedule.scheduler": frozenset(),
    "optimizer": frozenset({"lr"}),  # every optimiser has it, and it is the LR that the schedule works on
}
"""The settings that are read by their name, and what stays of the old one's parameters under a new name."""


def read_json(path: str) -> Any:
    """The JSON value in the file `path`, or on stdin where it is "-"; LabError says where it is wrong."""
    where = "stdin" if path == "-" else path
    content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise LabError(f"{where}, line {error.lineno}, column {error.colno}: is not JSON ({error.msg})") from error
    except UnicodeDecodeError as error:
        raise LabError(f"{where}: is not JSON (byte {error.start + 1} is no UTF-8)") from error
    except RecursionError as error:
        raise LabError(f"{where}: is nested too deeply") from error


def changed(document: Any, settings: Sequence[str]) -> tuple[Any, list[str]]:
    """`document` with each "dotted.key=value" of `settings` set, and remarks on what that dropped.

    A value is read as JSON, else taken as text. A new name of a scheduler or an optimiser drops the parameters of the
    old one, whichever way `settings` are ordered.
    """
    if not isinstance(document, dict):
        raise LabError(f"the experiment: got {shown(document)}, allowed: an object of settings, {{...}}")
    pairs = [_parsed(setting) for setting in settings]
    document = json.loads(json.dumps(document))
    remarks = []
    for key, value in sorted(pairs, key=lambda pair: not _is_name(pair[0])):
        place, last = _place(document, key)
        if _is_name(key) and last in place and place[last] != value:
            remarks += _drop(place, key, value)
        place[last] = value
    return document, remarks


def _parsed(setting: str) -> tuple[str, Any]:
    from lrlab.experiments import FIELDS

    key, equals, text = setting.partition("=")
    key = key.strip()
    if not equals or not all(key.split(".")):
        raise LabError(f"--set: got {shown(setting)}, allowed: key=value, such as optimizer.lr=0.01")
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return key, text
    # A run may be called 12 and a data set 2024.
    is_text = key in FIELDS and FIELDS[key].kind == "text"
    return key, text if is_text and not isinstance(value, str) else value


def _is_name(key: str) -> bool:
    parent, _, last = key.rpartition(".")
    return last == "name" and parent in KEPT


def _place(document: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    """The object that holds the setting `key`, made where it is missing or null, and the setting's own name."""
    *parents, last = key.split(".")
    place = document
    for depth, name in enumerate(parents):
        if place.get(name) is None:
            place[name] = {}
        if not isinstance(place[name], dict):
            raise LabError(
                f"--set {key}: {'.'.join(parents[: depth + 1])} is {shown(place[name])}, which holds no settings"
            )
        place = place[name]
    return place, last


def _drop(place: dict[str, Any], key: str, name: Any) -> list[str]:
    parent = key.rpartition(".")[0]
    dropped = [other for other in place if other != "name" and other not in KEPT[parent]]
    for other in dropped:
        del place[other]
    if not dropped:
        return []
    return [f"{key} is now {name}; dropped what belonged to {place['name']}: {', '.join(dropped)}"]
