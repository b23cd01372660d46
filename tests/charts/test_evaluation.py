"""The cells must be the matrix, every text must reach Plotly as text, and many or deep classes must stay readable."""

from __future__ import annotations

import base64

import numpy as np
import plotly.graph_objects as go
import pytest

from lrlab.charts import confusion_figure, least_width, leaves, shown_classes
from lrlab.charts.evaluation import MOST_CLASSES, MOST_WRITTEN, STRONGEST

CLASSES = ("cat", "dog", "owl")
MATRIX = np.array([[5, 1, 0], [2, 1, 1], [0, 0, 0]])
NAN = float("nan")


def cells(trace):
    """The values of a heatmap."""
    return np.frombuffer(base64.b64decode(trace["z"]["bdata"]), trace["z"]["dtype"]).reshape(
        [int(side) for side in trace["z"]["shape"].split(",")]
    )


def places(array):
    return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"]).tolist()


def test_right_and_wrong_cells_hold_the_shares_of_their_rows():
    right, wrong, _ = confusion_figure(MATRIX, CLASSES)["data"]
    np.testing.assert_allclose(cells(right), [[5 / 6, NAN, NAN], [NAN, 1 / 4, NAN], [NAN, NAN, NAN]], rtol=1e-6)
    np.testing.assert_allclose(cells(wrong), [[NAN, 1 / 6, NAN], [2 / 4, NAN, 1 / 4], [NAN, NAN, NAN]], rtol=1e-6)
    assert (right["zmin"], right["zmax"]) == (0, 1)


@pytest.mark.parametrize(
    ("shares", "texts"), [(False, ["5", "1", "2", "1", "1"]), (True, ["83 %", "17 %", "50 %", "25 %", "25 %"])]
)
def test_numbers_stand_in_their_cells(shares, texts):
    numbers = confusion_figure(MATRIX, CLASSES, shares=shares)["data"][2]
    assert numbers["text"] == texts
    assert list(zip(places(numbers["y"]), places(numbers["x"]), strict=True)) == [
        (0, 0), (0, 1), (1, 0), (1, 1), (1, 2),
    ]  # fmt: skip


def test_the_first_class_is_on_top_and_rows_are_labels():
    layout = confusion_figure(MATRIX, CLASSES)["layout"]
    assert layout["yaxis"]["range"] == [2.5, -0.5] and layout["xaxis"]["range"] == [-0.5, 2.5]
    assert layout["xaxis"]["ticktext"] == layout["yaxis"]["ticktext"] == list(CLASSES)
    assert (layout["yaxis"]["title"]["text"], layout["xaxis"]["title"]["text"]) == ("label", "predicted")


def test_hover_says_both_the_count_and_the_share():
    hover = confusion_figure(MATRIX, CLASSES)["data"][0]["text"]
    assert hover[1][0] == "dog<br>taken for<br>cat: 2 of 4 (50.0 %)"
    assert hover[0][0] == "cat<br>named right: 5 of 6 (83.3 %)"
    assert hover[2] == ["", "", ""]


def test_no_cell_hides_the_page_so_that_its_text_colour_is_legible_on_all():
    for trace in confusion_figure(MATRIX, CLASSES)["data"][:2]:
        opacities = [float(colour.rstrip(")").split(",")[-1]) for _, colour in trace["colorscale"]]
        assert opacities == sorted(opacities) and opacities[-1] == STRONGEST < 0.7
    assert "color" not in confusion_figure(MATRIX, CLASSES)["data"][2].get("textfont", {})


@pytest.mark.parametrize("shares", [False, True])
@pytest.mark.parametrize("size", [2, 6, MOST_WRITTEN, MOST_WRITTEN + 1, MOST_CLASSES])
def test_from_two_to_many_classes(size, shares):
    matrix = np.random.default_rng(size).integers(0, 9, (size, size))
    figure = confusion_figure(matrix, [f"class {place}" for place in range(size)], shares=shares)
    go.Figure(figure)
    assert len(figure["data"]) == (3 if size <= MOST_WRITTEN else 2)
    assert figure["layout"]["height"] >= 22 * size
    assert (least_width(size) > 0) is (size > MOST_WRITTEN)


def test_of_too_many_classes_those_with_the_most_mistakes_are_shown():
    size = MOST_CLASSES + 20
    matrix = np.diag(np.full(size, 10))
    for place in range(20, size):  # the first twenty are never confused
        matrix[place, 20 + (place - 19) % MOST_CLASSES] += 2
    assert shown_classes(matrix).tolist() == list(range(20, size))
    figure = confusion_figure(matrix, [str(place) for place in range(size)])
    assert figure["layout"]["yaxis"]["ticktext"] == [str(place) for place in range(20, size)]
    # a share is of all images of the class, those in columns that are not shown too
    matrix[20, :4] = 2
    share = cells(confusion_figure(matrix, [str(place) for place in range(size)])["data"][0])[0, 0]
    assert share == pytest.approx(10 / 20)


NAMES = {
    '<a href="https://evil.example">x': '&lt;a href="https://evil.example"&gt;x',
    "<b style=c>": "&lt;b style=c&gt;",
    "&lt;i&gt;": "&amp;lt;i&amp;gt;",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_are_never_markup(name):
    figure = confusion_figure(np.array([[1, 1], [0, 2]]), ["Light", name])
    hover = figure["data"][0]["text"]
    assert hover[1][1] == f"{NAMES[name]}<br>named right: 2 of 2 (100.0 %)"
    assert hover[0][1] == f"Light<br>taken for<br>{NAMES[name]}: 1 of 2 (50.0 %)"
    for axis in ("xaxis", "yaxis"):
        assert not set("<>") & set("".join(figure["layout"][axis]["ticktext"]))


@pytest.mark.parametrize(
    ("classes", "ends"),
    [
        (["Dark", "Light"], ["Dark", "Light"]),
        (["Fruit/Apple/Gala", "Fruit/Lime", "Veg/Carrot"], ["Gala", "Lime", "Carrot"]),
        (["A/x", "B/x", "B/y"], ["A/x", "B/x", "y"]),
        (["x", "A/x", "B/A/x"], ["x", "A/x", "B/A/x"]),
        (["train//x", "x/"], ["x", ""]),
    ],
)
def test_names_are_as_short_as_they_can_be_and_stay_apart(classes, ends):
    assert leaves(classes) == ends
    assert len(set(leaves(classes))) == len(classes)
