"""`compare`: runs side by side, in the terminal or as one HTML file with the three charts."""

from __future__ import annotations

import argparse
import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.cli.listing import best_epoch, say_runs
from lrlab.cli.parser import Groups, Parser, add_json
from lrlab.cli.terminal import percent, say, say_json, say_table
from lrlab.home import lab_home

if TYPE_CHECKING:
    import pandas as pd

    from lrlab.runs import Run

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #1b2430; background: #fff; max-width: 1100px; margin: 2rem auto; }}
table {{ border-collapse: collapse; margin: 1rem 0 2rem; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: left; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid #d8dee5; }}
.dot {{ display: inline-block; width: .8em; height: .8em; border-radius: 50%; margin-right: .5em; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{headline}</p>
{runs}
{chart}
<p>Colour is the run; thin lines are training, dashed lines with points are validation, a ring is the best epoch.</p>
{differences}
</body>
</html>
"""

TEXT, GRID = "#1b2430", "#e3e8ed"
HEIGHT = 900
"""Pixels of the three charts together."""


def add_to(groups: Groups) -> None:
    parser: Parser = groups.add_parser(
        "compare",
        help="compare runs",
        description="Compare runs: results, the settings that differ, and charts in an HTML file.",
    )
    parser.add_argument("ids", metavar="ID", nargs="+", help="ids of the runs")
    parser.add_argument("--html", metavar="FILE", help="write one HTML file with the charts; it needs no network")
    add_json(parser, "results and differences")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    from lrlab.runs import differences, headline, load_run, table

    home = lab_home()
    runs = [load_run(run_id, home) for run_id in dict.fromkeys(given.ids)]
    found, settings, words = table(runs), differences(runs), headline(runs)
    if given.html:
        Path(given.html).write_text(page(runs, found, settings, words), encoding="utf-8")
    if given.json:
        rows = settings.to_numpy().tolist()
        differing = [
            {"setting": setting, "values": dict(zip([run.id for run in runs], row, strict=True))}
            for setting, row in zip(settings.index, rows, strict=True)
        ]
        say_json({"headline": words, "runs": found.to_dict("records"), "differences": differing})
        return 0
    if words:
        say(f"{words}\n")
    say_runs(found)
    if len(settings):
        say()
        rows = [
            [str(setting), *map(str, row)] for setting, row in zip(settings.index, settings.to_numpy(), strict=True)
        ]
        say_table(["setting", *settings.columns], rows)
    elif len(runs) > 1:
        say("\nThe settings are the same.")
    if given.html:
        say(f"\nWrote {given.html}")
    return 0


def page(runs: Sequence[Run], found: pd.DataFrame, settings: pd.DataFrame, words: str) -> str:
    """One HTML page that needs no other file: the sentence, the runs, the three charts, the settings that differ."""
    from lrlab.charts import colour
    from lrlab.runs import legend

    names = legend(runs)
    colours = [colour(run.record.colour) for run in runs]
    dots = [f'<span class="dot" style="background:{one}"></span>' for one in colours]
    results = [
        [f"{dot}{html.escape(name)}", *map(html.escape, _result(row))]
        for dot, name, row in zip(dots, names, found.to_dict("records"), strict=True)
    ]
    differing = [
        [html.escape(str(cell)) for cell in (setting, *row)]
        for setting, row in zip(settings.index, settings.to_numpy(), strict=True)
    ]
    titles = [f"{dot}{html.escape(name)}" for dot, name in zip(dots, map(str, settings.columns), strict=False)]
    return PAGE.format(
        title="One run" if len(runs) == 1 else f"{len(runs)} runs compared",
        headline=html.escape(words),
        runs=_html_table(["run", "state", "data set", "best val accuracy", "at epoch", "last", "id"], results),
        chart=_chart(runs, names, colours),
        differences=_html_table(["setting", *titles], differing) if differing else "",
    )


def _result(row: Mapping[Any, Any]) -> list[str]:
    return [
        row["state"],
        row["dataset"],
        percent(row["best_val_accuracy"]),
        best_epoch(row),
        percent(row["val_accuracy"]),
        row["id"],
    ]


def _html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>\n<tr>{top}</tr>\n{body}\n</table>"


def _chart(runs: Sequence[Run], names: Sequence[str], colours: Sequence[str]) -> str:
    """The charts as a piece of HTML with Plotly's own script inside."""
    import plotly.graph_objects as go
    import plotly.io

    from lrlab.charts import series, training_figure

    figure = training_figure([series(*each) for each in zip(runs, colours, names, strict=True)])
    drawn = go.Figure(figure)
    drawn.update_layout(height=HEIGHT, font_color=TEXT, template="none")
    drawn.update_xaxes(gridcolor=GRID)
    drawn.update_yaxes(gridcolor=GRID)
    piece: str = plotly.io.to_html(
        drawn, full_html=False, include_plotlyjs=True, config={"displaylogo": False, "responsive": True}
    )
    return piece
