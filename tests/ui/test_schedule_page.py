"""The Schedule page, run as Streamlit runs it; its composer's own side is tested in a browser."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lrlab.charts import PreviewState
from lrlab.schedules import CATALOGUE, RECIPES, Composition, Logged, Synthetic, from_link, to_link
from lrlab.ui import carried
from lrlab.ui import tabs_texts as texts
from lrlab.ui.markdown import plain
from lrlab.ui.specimens import plain_schedule
from lrlab.ui.tabs.table import by_update, file

COSINE = Composition.model_validate(
    {"lr": 0.1, "epochs": 3, "schedule": {"scheduler": {"name": "CosineAnnealingLR", "T_max": 3}}}
)
NEST = Composition.model_validate(
    {
        "lr": 0.1, "epochs": 6, "steps_per_epoch": 4,
        "schedule": {
            "warmup": {"length": 2, "unit": "step"},
            "scheduler": {
                "name": "SequentialLR", "milestones": [2, 4],
                "schedulers": [
                    {"name": "LinearLR", "total_iters": 2}, {"name": "StepLR", "step_size": 1},
                    {"name": "LinearLR", "total_iters": 2},
                ],
            },
        },
        "groups": [{"name": "=head", "multiplier": 1}, {"name": "body", "lr": 0.01}],
    }
)  # fmt: skip
ONE_CYCLE = Composition.model_validate(
    {
        "epochs": 3, "steps_per_epoch": 5,
        "schedule": {"interval": "step", "scheduler": {"name": "OneCycleLR", "max_lr": 0.1, "total_steps": 15}},
    }
)  # fmt: skip
PLATEAU = Composition.model_validate(
    {
        "schedule": {"scheduler": {"name": "ReduceLROnPlateau", "patience": 2}},
        "metric": {"kind": "synthetic", "noise": 0},
    }
)


def composed(composition: Composition, **more: Any) -> dict[str, Any]:
    """The session after a visit."""
    return {carried.STATE: PreviewState(composition=composition, **more)}


def said(page: Any) -> str:
    """The refusals on the page, as HTML."""
    return " ".join(node.proto.body for node in page.get("html") if "lrlab-refusal" in node.proto.body.split(">")[0])


@pytest.fixture
def opened(open_page, run_page):
    """`opened(tab, composition)`: the page with one of its tabs open."""

    def opener(tab: str, composition: Composition, **more: Any) -> Any:
        return open_page("schedule", {**composed(composition, **more), "below": tab})

    return opener


# ---- the first visit, and links -------------------------------------------------------------------------------------


def test_a_first_visit_lands_on_a_curve_and_its_code(open_page, component):
    page = open_page("schedule")
    data = component(page, "plot")
    assert data["state"] == PreviewState().model_dump(mode="json")
    assert data["first"]["figure"]["data"]
    assert (data["revision"], data["before"]) == (0, None)
    assert "StepLR(optimizer, step_size=5, gamma=0.5)" in page.code[0].value
    assert [tab.label for tab in page.tabs] == list(texts.TABS)
    assert not page.dataframe  # a tab that is closed costs nothing
    assert not said(page)
    assert component(page, "share")["address"] == ""


@pytest.mark.parametrize("link", [to_link(COSINE), COSINE.model_dump_json()], ids=["link", "as it was at first"])
def test_a_link_shows_its_schedule_again(open_page, component, link):
    page = open_page("schedule", **{carried.QUERY: link})
    assert Composition.model_validate(component(page, "plot")["state"]["composition"]) == COSINE
    assert "CosineAnnealingLR" in page.code[0].value
    assert component(page, "share")["address"] == to_link(COSINE)


@pytest.mark.parametrize("composition", [NEST, ONE_CYCLE, PLATEAU], ids=["nest", "momentum", "plateau"])
def test_what_is_shared_is_what_was_composed(open_page, component, composition):
    data = component(open_page("schedule", composed(composition)), "share")
    assert from_link(data["link"]) == composition
    assert (data["address"], data["refusal"], data["query"]) == (data["link"], "", "schedule")


def test_a_schedule_too_long_for_a_link_is_not_shared(open_page, component):
    gaps = np.random.default_rng(0).integers(1, 5000, (8, 1000))
    held = [{"name": "MultiStepLR", "milestones": list(map(int, milestones))} for milestones in gaps.cumsum(axis=1)]
    chained = {"scheduler": {"name": "ChainedScheduler", "schedulers": held}}
    composition = Composition.model_validate({"schedule": chained})
    data = component(open_page("schedule", composed(composition)), "share")
    assert "allowed: at most" in data["refusal"]
    assert (data["link"], data["address"]) == ("", "")


@pytest.mark.parametrize(
    ("link", "word"),
    [
        ("{bad", "JSON"),
        ('{"lr": -1}', "lr"),
        ('{"schedule": {"scheduler": {"name": "Nothing"}}}', "Nothing"),
        ('{"schedule": {"scheduler": {"name": "MultiStepLR", "milestones": [9, 3]}}}', "milestones"),
        ('{"epochs": 10000, "steps_per_epoch": 1000000}', "updates"),
        ('{"lr": 1, "schedule": {"scheduler": {"name": "ExponentialLR", "gamma": 50}}}', "1000"),
        (to_link(COSINE)[:-3], "broken"),
        ("7.abc", "version"),
        ("hello", "no link"),
    ],
)
def test_a_link_that_cannot_be_read_says_why_and_stays_said(open_page, run_page, component, link, word):
    page = open_page("schedule", **{carried.QUERY: link})
    assert word in said(page)
    assert component(page, "plot")["state"] == PreviewState().model_dump(mode="json")
    assert component(page, "share")["address"] is None
    run_page(page)
    assert word in said(page)


def test_a_link_is_never_markup(open_page):
    name = "<img src=//x.example/a.png>![](//x.example/b.png)"
    page = open_page("schedule", **{carried.QUERY: f'{{"schedule": {{"scheduler": {{"name": "{name}"}}}}}}'})
    assert "x.example" in said(page)
    assert "<img" not in said(page)
    assert not any("x.example" in node.value for node in page.markdown)


def test_a_link_to_a_run_of_another_lab_is_previewed_against_an_invented_loss(open_page, component):
    logged = PLATEAU.model_copy(update={"metric": Logged(run="abcdefghij")})
    page = open_page("schedule", **{carried.QUERY: to_link(Composition.model_validate(logged.model_dump()))})
    assert texts.NO_RUN in said(page)
    shown = Composition.model_validate(component(page, "plot")["state"]["composition"])
    assert shown == PLATEAU.model_copy(update={"metric": Synthetic()})


# ---- between Python and the composer --------------------------------------------------------------------------------


def session(monkeypatch: pytest.MonkeyPatch, **values: Any) -> dict[str, Any]:
    class Session(dict[str, Any]):
        __getattr__ = dict.get

    state = Session(values)
    monkeypatch.setattr(carried.st, "session_state", state)
    return state


def test_what_the_composer_sends_while_it_is_refused_changes_nothing(monkeypatch, home):
    session(monkeypatch, **composed(COSINE))
    exploding = {"composition": {"lr": 1, "schedule": {"scheduler": {"name": "ExponentialLR", "gamma": 50}}}}
    for raw in (None, {"composition": {"lr": -1}}, exploding, {"recipe": {"name": "nothing"}}):
        carried.remember(raw)
        assert carried.composition() == COSINE


def test_a_pushed_schedule_has_a_new_revision_and_what_it_replaced(monkeypatch, home):
    session(monkeypatch, **composed(COSINE))
    carried.push(PreviewState(composition=NEST))
    assert carried.composition() == NEST
    pushed = carried.pushed()
    assert pushed["revision"] == 1
    assert Composition.model_validate(pushed["before"]["composition"]) == COSINE
    carried.remember({"composition": ONE_CYCLE.model_dump(mode="json")})
    assert carried.pushed() == {"revision": 1, "before": None}


def test_a_recipe_is_fitted_to_another_run(monkeypatch, home):
    session(monkeypatch)
    state = PreviewState.model_validate({"recipe": {"name": "warmup-cosine"}})
    session(monkeypatch, **{carried.STATE: state})
    fitted = carried.fitted(None, Composition(lr=0.01, epochs=7, steps_per_epoch=11))
    assert fitted.composition.schedule == RECIPES["warmup-cosine"].expand(fitted.recipe.values, 7, 11, 0.01)
    assert (fitted.composition.lr, fitted.composition.updates) == (0.01, 77)


def test_runs_that_have_validated_are_offered_for_the_plateau(open_page, component, start_run):
    start_run(name="ended", epochs=2).train().end()
    start_run(name="<b>now</b>", epochs=4).train(6)
    start_run(name="queued")
    runs = component(open_page("schedule"), "plot")["runs"]
    assert [run["name"] for run in runs] == ["<b>now</b>", "ended"]


# ---- the tabs -------------------------------------------------------------------------------------------------------


def test_the_code_comes_in_each_format(opened, run_page):
    page = opened(texts.CODE, NEST)
    for name, word in (("pytorch", "SequentialLR("), ("keras", "import keras"), ("json", '"name": "SequentialLR"')):
        page.button_group(key="code.format").set_value(name)
        run_page(page)
        assert word in page.code[0].value
    page.button_group(key="code.format").set_value("pytorch")
    run_page(page)
    page.selectbox(key="code.optimizer").set_value("SGD")
    run_page(page)
    assert "torch.optim.SGD(" in page.code[0].value


@pytest.mark.parametrize(
    ("composition", "column", "values"),
    [
        (COSINE, "lr_first", ["0.1", "0.075", "0.025"]),
        (ONE_CYCLE, "momentum_first", ["0.95", "0.855", "0.918"]),
        (PLATEAU, "metric", None),
    ],
    ids=["LR", "momentum", "metric"],
)
def test_the_table_holds_the_curve(opened, composition, column, values):
    shown = opened(texts.TABLE, composition).dataframe[0].value[texts.COLUMNS[column]].tolist()
    assert len(shown) == composition.epochs
    if values:
        assert shown == values


def test_the_table_holds_the_groups(opened):
    shown = opened(texts.TABLE, NEST).dataframe[0].value
    head, body = (shown[texts.COLUMNS["group"].format(name=name)].tolist() for name in ("=head", "body"))
    assert [10 * float(value) for value in body] == pytest.approx([float(value) for value in head], rel=1e-2)


@pytest.mark.parametrize(
    "composition", [COSINE, NEST, ONE_CYCLE, PLATEAU], ids=["plain", "nest", "momentum", "plateau"]
)
def test_the_file_of_every_update_is_exact(composition):
    values, groups = composition.curve(), composition.group_curves()
    text = file(by_update(values, groups))
    read = pd.read_csv(io.StringIO(text))
    assert np.array_equal(read["lr"], values.lr)
    assert np.array_equal(read["step"], np.arange(composition.updates))
    assert ("momentum" in read) == (values.momentum is not None)
    for name, curve_of in groups:
        assert np.array_equal(read[f"lr_{name}"], curve_of.lr)
    assert not any(column.startswith("=") for column in read)


def test_a_long_run_offers_its_epochs_alone(opened):
    long = Composition.model_validate({"epochs": 300, "steps_per_epoch": 5000})
    page = opened(texts.TABLE, long)
    assert [button.proto.label for button in page.get("download_button")] == [texts.BY_EPOCH]
    assert any("1,500,000" in caption.value for caption in page.caption)


def pasted(opened, run_page, text: str, composition: Composition | None = None) -> Any:
    page = opened(texts.PASTE, composition or Composition())
    page.text_area(key="paste.text").set_value(text)
    return run_page(page)


def used(page, run_page, component, place: int = 0) -> Composition:
    """What the composer is given once the button was pressed."""
    page.button(key=f"paste.use.{place}").click()
    data = component(run_page(page), "plot")
    assert data["revision"] == 1
    return Composition.model_validate(data["state"]["composition"])


@pytest.mark.parametrize("composition", [COSINE, NEST, ONE_CYCLE], ids=["plain", "nest", "momentum"])
def test_the_code_that_goes_out_comes_in_again(opened, run_page, component, composition):
    code = opened(texts.CODE, composition).code[0].value
    page = pasted(opened, run_page, code)
    assert not said(page)
    assert used(page, run_page, component).schedule == composition.schedule


def test_a_script_brings_its_lr_and_its_epochs(opened, run_page, component):
    script = """
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scheduler = optim.lr_scheduler.StepLR(optimizer, 30, verbose=True)
for epoch in range(90):
    scheduler.step()
"""
    page = pasted(opened, run_page, script)
    assert any("verbose" in node.value for node in page.markdown)
    composition = used(page, run_page, component)
    assert (composition.lr, composition.epochs, composition.steps_per_epoch) == (0.1, 90, 30)
    assert composition.schedule.scheduler.model_dump() == {"name": "StepLR", "step_size": 30, "gamma": 0.1}


def test_a_number_that_is_missing_is_asked_for(opened, run_page, component):
    page = pasted(opened, run_page, "OneCycleLR(opt, max_lr=top, steps_per_epoch=len(loader), epochs=20)")
    top, length = (page.text_input(key=f"paste.answer.{name}") for name in ("top", "len(loader)"))
    assert (top.value, length.value) == ("", "30")
    assert not [button for button in page.button if str(button.key).startswith("paste.use")]
    top.set_value("abc")
    assert "a number" in said(run_page(page))
    page.text_input(key="paste.answer.top").set_value("3e-2")
    scheduler = used(run_page(page), run_page, component).schedule.scheduler
    assert (scheduler.max_lr, scheduler.length) == (0.03, 600)


@pytest.mark.parametrize(
    ("place", "label", "epochs", "length"),
    [(0, texts.USE_FOR.format(epochs=10, steps=30), 10, 300), (1, "Set total_steps to 600", 20, 600)],
)
def test_a_cycle_shorter_than_the_run_is_taken_with_its_own_run_or_repaired(
    opened, run_page, component, place, label, epochs, length
):
    page = pasted(opened, run_page, "OneCycleLR(optimizer, max_lr=0.1, steps_per_epoch=30, epochs=10)")
    assert "torch raises" in said(page)
    assert page.button(key=f"paste.use.{place}").label == label
    composition = used(page, run_page, component, place)
    assert (composition.epochs, composition.schedule.scheduler.length) == (epochs, length)


@pytest.mark.parametrize(
    "text",
    [
        "import os; os.system('ls')", "StepLR(", "StepLR(optimizer, step_size=-3)", "{broken", "print('hello')",
        "StepLR(optimizer, step_size=<img src=//x.example/a.png>)", "![](//x.example/a.png)",
        "StepLR(optimizer, gamma=5e9, step_size=1)", "StepLR(optimizer, step_size=1" + " " * 30_000 + ")",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_as_text(opened, run_page, text):
    page = pasted(opened, run_page, text)
    assert said(page)
    assert "<img" not in said(page)
    assert not any("x.example" in node.value for node in page.markdown)
    assert not [button for button in page.button if str(button.key).startswith("paste.use")]


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_scheduler_is_explained(opened, name):
    page = opened(texts.ABOUT, Composition(schedule=plain_schedule(name, Composition())))
    entry = CATALOGUE[name]
    told = " ".join(node.value for node in page.markdown)
    assert entry.formula in page.latex[0].value
    for text in (entry.line, entry.when, *(parameter.help for parameter in entry.parameters)):
        assert plain(text) in told
    for _, address in entry.source:
        assert f"]({address})" in told


def test_the_parts_of_a_nest_are_explained_once(opened):
    page = opened(texts.ABOUT, NEST)
    heads = [line for node in page.markdown for line in node.value.splitlines() if line.startswith("#####")]
    assert heads == ["##### SequentialLR", "##### LinearLR", "##### StepLR", f"##### {texts.WARMUP}"]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_explained_with_its_parts(opened, name):
    recipe = RECIPES[name]
    state = PreviewState.model_validate(
        {"recipe": {"name": name}, "composition": {"schedule": recipe.expand({}, 20, 30, 0.001)}}
    )
    page = opened(texts.ABOUT, state.composition, recipe=state.recipe)
    told = " ".join(node.value for node in page.markdown)
    assert plain(recipe.line) in told
    assert f"##### {plain(state.composition.schedule.scheduler.name)}" in told


def test_signs_of_markdown_are_shown_as_they_stand():
    assert plain("0.9 ** epoch, T_max [1] $x$ :red[no]") == (r"0\.9 \*\* epoch, T\_max \[1\] \$x\$ \:red\[no\]")
