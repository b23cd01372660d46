"""The scripts of the Plotly component become one module: what each declares at its top has a name of its own."""

from __future__ import annotations

import re
from collections import Counter

from lrlab.ui.plot import HERE, SCRIPTS

DECLARED = re.compile(r"^(?:export default )?(?:async )?(?:const|let|class|function)\s+(\w+)", re.MULTILINE)


def test_no_name_is_declared_twice() -> None:
    names = Counter(name for script in SCRIPTS for name in DECLARED.findall((HERE / script).read_text()))
    assert names["Chart"] == 1
    assert [name for name, times in names.items() if times > 1] == []


def test_every_script_is_part_of_the_component() -> None:
    assert sorted(SCRIPTS) == sorted(path.name for path in HERE.glob("*.js"))
