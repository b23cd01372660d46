"""The bars must be the counts, and a class's name must reach Plotly as text."""

import base64

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from lrlab.charts import class_figure
from lrlab.charts.dataset import LONGEST_NAME, MOST_UPRIGHT


def table(rows):
    """{class: (train, val, test)} as the counts of a data set."""
    return pd.DataFrame.from_dict(rows, orient="index", columns=["train", "val", "test"])


def decoded(array):
    return np.frombuffer(base64.b64decode(array["bdata"]), dtype=array["dtype"]).tolist()


def bars(figure):
    """{part: values}, in the order of the classes."""
    traces = [trace for trace in figure["data"] if trace["type"] == "bar"]
    return {trace["name"]: decoded(trace["y" if trace["orientation"] == "v" else "x"]) for trace in traces}


def test_the_bars_are_the_counts_and_the_sums_stand_at_their_ends():
    figure = class_figure(table({"Dark": (152, 38, 60), "Light": (8, 2, 1000)}))
    assert bars(figure) == {"training": [152, 8], "validation": [38, 2], "test": [60, 1000]}
    sums = figure["data"][-1]
    assert [text.strip("\u00a0") for text in sums["text"]] == ["250", "1,010"]
    assert decoded(sums["y"]) == [250, 1010]
    assert figure["layout"]["barmode"] == "stack"
    go.Figure(figure)


def test_a_part_without_images_is_not_in_the_legend():
    assert list(bars(class_figure(table({"a": (4, 1, 0), "b": (2, 1, 0)})))) == ["training", "validation"]


@pytest.mark.parametrize(
    ("names", "upright"),
    [
        (["Dark", "Green", "Light", "Medium"], True),
        ([str(digit) for digit in range(10)], True),
        ([str(number) for number in range(MOST_UPRIGHT + 1)], False),
        (["cardboard", "glass", "metal", "paper", "plastic", "trash"], False),
        (["Fruit/Apple/Royal-Gala", "Fruit/Banana"], False),
    ],
)
def test_many_or_long_names_lie_in_rows_with_the_first_on_top(names, upright):
    layout = class_figure(table(dict.fromkeys(names, (2, 1, 0))))["layout"]
    classes = layout["xaxis" if upright else "yaxis"]
    assert classes["ticktext"] == names
    assert classes["tickvals"] == list(range(len(names)))
    low, high = classes["range"]
    assert (low < high) is upright
    assert min(low, high) < 0 and max(low, high) > len(names) - 1


def test_every_row_has_room_for_its_name():
    few, many = (class_figure(table({f"class number {i}": (1, 1, 0) for i in range(n)})) for n in (20, 80))
    assert many["layout"]["height"] - few["layout"]["height"] == pytest.approx(60 * 28)


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
        ("<a href='javascript:1'>", "&lt;a href='javascript:1'&gt;"),
        ("&lt;i&gt;", "&amp;lt;i&amp;gt;"),
        ("深烘", "深烘"),
    ],
)
def test_markup_in_a_name_is_drawn_as_the_characters_it_is(name, drawn):
    figure = class_figure(table({name: (3, 1, 0), "other": (3, 1, 0)}))
    ticks = {tuple(figure["layout"][key].get("ticktext", ())) for key in ("xaxis", "yaxis")}
    assert (drawn, "other") in ticks
    for trace in figure["data"][:-1]:
        assert trace["customdata"] == [drawn, "other"]
        assert name not in trace["hovertemplate"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("x" * 24, "x" * 24),
        ("x" * 25 + "y", "…" + "x" * 22 + "y"),
        ("Fruit/Apple/Golden-Delicious", "…/Golden-Delicious"),
        ("Fruit/" * 20 + "Pear/Kaiser", "…/Fruit/Pear/Kaiser"),
        ("a/" + "b" * 30, "…" + "b" * 23),
    ],
)
def test_a_long_name_keeps_its_end(name, shown):
    assert len(shown) <= LONGEST_NAME
    figure = class_figure(table({name: (3, 1, 0), "other": (3, 1, 0)}))
    assert figure["layout"]["yaxis"]["ticktext"] == [shown, "other"]
    assert figure["data"][0]["customdata"][0] == name
