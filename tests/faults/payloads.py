"""Texts that mean harm wherever they are read as more than text; each bears a mark of its own."""

from __future__ import annotations

import re

OUT = "http://evil.test"
PAYLOADS = [
    "<script>qran(1)</script>qo01",
    "<img src=qo02 onerror=qran(2)>",
    "<svg onload=qran(3)>qo03</svg>",
    '"><img src=qo04 onerror=qran(4)>',
    "'><svg/onload=qran(5)>qo05",
    '<a href="javascript:qran(6)">qo06</a>',
    f'<a href="{OUT}/qo07">qo07</a>',
    f"[qo08]({OUT}/qo08)",
    f"![qo09]({OUT}/qo09.png)",
    f"{OUT}/qo10",
    f"<{OUT}/qo11>",
    "www.evil.test/qo12 mail@evil.test",
    "</textarea></style></title><img src=qo13 onerror=qran(13)>",
    f'<iframe src="{OUT}/qo14"></iframe>',
    f'<span style="background:url({OUT}/qo15)">qo15</span>',
    "<b onmouseover=qran(16)>qo16</b>",
    "{{constructor.constructor('qran(17)')()}} qo17",
    "`${qran(18)}` ```qo18",
    rf"$\href{{{OUT}/qo19}}{{qo19}}$",
    ":material/home: :red[qo20] # _qo20_ **",
    "%{customdata} %{x:$} <extra>qo21</extra><br>",
    f'=HYPERLINK("{OUT}/qo22")',
    "+cmd|' /C calc'!A1 qo23",
    "&lt;img src=qo24 onerror=qran(24)&gt;",
    f'<meta http-equiv=refresh content="0;url={OUT}/qo25">',
    f'<base href="{OUT}/qo26/">',
    "javascript:qran(27)//qo27",
    "@import url(qo28); - [ ] qo28 | a | b |",
]
assert len(PAYLOADS) >= 25

MARK = re.compile(r"qo\d\d")
"""Every payload's mark, by which it is known in an address: an id of lrlab's has no o, so that none can hold it."""


def whole(text: str) -> str:
    """A payload for a name that may hold no slash: HTML and Markdown read the entity as one."""
    return text.replace("/", "&#47;").replace("\\", "&#92;")


NAMES = [whole(text) for text in PAYLOADS]
