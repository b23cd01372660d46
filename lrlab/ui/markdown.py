"""Texts of ours that hold signs which Markdown would read: 0.9 ** epoch, T_max, a list in brackets."""

from __future__ import annotations

import re

_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:<>&])")


def plain(text: str) -> str:
    """`text` so that Markdown shows it as it stands."""
    return _SIGNS.sub(r"\\\1", text)
