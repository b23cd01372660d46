"""The Train page: the form from the catalogues, refusals by field, and a run in the form's place."""

from __future__ import annotations

from typing import Any

import pytest

from lrlab import jobs
from lrlab.charts import PreviewState
from lrlab.datasets import SAMPLE_NAME, list_datasets
from lrlab.desk import Desk
from lrlab.errors import LabError
from lrlab.experiments import MODELS, OPTIMIZERS, Experiment
from lrlab.runs import ago, list_runs
from lrlab.schedules import CATALOGUE, RECIPES, Composition, ScheduleSpec, label
from lrlab.ui import texts
from lrlab.ui.fields import written
from lrlab.ui.markdown import plain
from lrlab.ui.run_list import FIRST

WORDS = texts.TRAIN
COSINE = {"scheduler": {"name": "CosineAnnealingLR", "T_max": 10}}


def composed(**changes: Any) -> dict[str, Any]:
    """The session after a visit to the Schedule page."""
    return {"preview_state": PreviewState(composition=Composition(**changes))}


def refusals(page: Any) -> list[str]:
    return [element.proto.body for element in page.get("html") if 'role="alert"' in element.proto.body]


def started(page: Any, run_page: Any) -> Experiment:
    """Presses Start and returns what the new run is to do."""
    page.button(key="train.start").click()
    run_page(page)
    from lrlab.home import lab_home

    return list_runs(lab_home())[0].experiment


def test_without_images_the_sample_set_is_the_one_thing_to_do(open_page, home, run_page):
    page = open_page("train")
    assert [button.label for button in page.button] == [WORDS["sample"], WORDS["bring"]]
    assert page.button[0].proto.type == "primary"
    page.button(key="train.sample").click()
    run_page(page)
    while not list_datasets(home):  # a process of its own draws it; each run of the page is a look
        assert not refusals(page)
        run_page(page)
    run_page(page)
    assert [dataset.name for dataset in list_datasets(home)] == [SAMPLE_NAME]
    assert page.selectbox(key="train.dataset").value == SAMPLE_NAME
    assert page.button(key="train.start").label == WORDS["start"]
    assert not page.button(key="train.start").disabled


def test_the_first_form_is_the_experiments_defaults_with_a_schedule(open_page, noise, run_page):
    noise("coffee", 40)
    page = open_page("train")
    assert started(page, run_page) == Experiment(
        dataset="coffee",
        schedule=ScheduleSpec.model_validate({"scheduler": {"name": "StepLR", "step_size": 5, "gamma": 0.5}}),
    )


def test_the_choices_are_the_catalogues(open_page, noise):
    noise()
    page = open_page("train")
    assert page.selectbox(key="train.model").options == [entry.sized for entry in MODELS.values()]
    assert page.selectbox(key="train.optimizer").options == list(OPTIMIZERS)
    assert [option.split("(")[0] for option in page.selectbox(key="train.schedule").options] == list(CATALOGUE)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimiser_shows_its_parameters_and_trains_with_them(open_page, noise, run_page, optimizer):
    noise("coffee", 40)
    page = open_page("train")
    page.selectbox(key="train.optimizer").set_value(optimizer)
    run_page(page)
    made = started(page, run_page).optimizer
    expected = {field.name: field.start for field in OPTIMIZERS[optimizer].parameters}
    assert made.model_dump() == {"name": optimizer, **expected}


@pytest.mark.parametrize("scheduler", CATALOGUE)
def test_every_plain_schedule_fits_the_epochs(open_page, noise, run_page, scheduler):
    noise("coffee", 40)
    page = open_page("train")
    page.number_input(key="train.epochs").set_value(8)
    run_page(page)
    page.selectbox(key="train.schedule").set_value(scheduler)
    run_page(page)
    made = started(page, run_page)
    assert made.epochs == 8
    assert made.schedule.scheduler.name == scheduler
    lengths = made.schedule.scheduler.model_dump()
    assert all(lengths.get(name, 0) <= 8 for name in ("step_size", "T_max", "total_iters"))


def test_the_composed_schedule_is_taken_over_with_its_lr_and_epochs(open_page, noise, run_page):
    noise("coffee", 40)
    schedule = ScheduleSpec.model_validate(COSINE)
    page = open_page("train", composed(lr=2.5e-4, epochs=10, schedule=schedule))
    assert page.text_input(key="train.lr").value == "0.00025"
    assert page.selectbox(key="train.schedule").options[0] == WORDS["composed"] + label(schedule)
    made = started(page, run_page)
    assert (made.schedule, made.optimizer.lr, made.epochs) == (schedule, 2.5e-4, 10)


def test_what_was_typed_stays_until_something_else_is_composed(open_page, noise, run_page):
    noise("coffee", 40)
    page = open_page("train", composed(lr=0.01))
    page.text_input(key="train.lr").set_value("0.02")
    run_page(page)
    assert page.text_input(key="train.lr").value == "0.02"
    page.session_state["preview_state"] = PreviewState(composition=Composition(lr=0.03))
    run_page(page)
    assert page.text_input(key="train.lr").value == "0.03"


PER_STEP = {"interval": "step", "scheduler": {"name": "OneCycleLR", "max_lr": 0.01, "total_steps": 20}}


@pytest.mark.parametrize("scheduler", ["OneCycleLR", "CyclicLR"])
def test_what_is_meant_for_steps_counts_the_steps_of_the_run(open_page, noise, run_page, scheduler):
    noise("coffee", 40)
    page = open_page("train")
    page.selectbox(key="train.schedule").set_value(scheduler)
    run_page(page)
    made = started(page, run_page)
    assert made.schedule.interval == "step"
    if scheduler == "OneCycleLR":  # 64 images in batches of 32, 20 epochs
        assert made.schedule.scheduler.total_steps == 40


def test_a_schedule_that_the_run_outgrows_is_refused_and_repaired(open_page, noise, run_page):
    noise("coffee", 40)
    schedule = ScheduleSpec.model_validate(PER_STEP)
    page = open_page("train", composed(epochs=10, steps_per_epoch=2, schedule=schedule))
    assert not refusals(page)
    page.number_input(key="train.epochs").set_value(15)
    run_page(page)
    (told,) = refusals(page)
    assert "torch raises" in told
    assert page.button(key="train.start").disabled
    page.button(key="train.repair.0").click()
    run_page(page)
    assert not refusals(page)
    assert page.number_input(key="train.epochs").value == 15
    assert started(page, run_page).schedule.scheduler.total_steps == 30


def test_what_a_shorter_run_does_to_the_schedule_is_told(open_page, noise, run_page):
    noise("coffee", 40)
    schedule = ScheduleSpec.model_validate(PER_STEP)
    page = open_page("train", composed(epochs=10, steps_per_epoch=2, schedule=schedule))
    page.number_input(key="train.epochs").set_value(5)
    run_page(page)
    assert any("only 50 % of it is seen" in element.value.replace("\\", "") for element in page.markdown)


def test_a_recipe_is_fitted_to_the_run_by_one_button(open_page, noise, run_page):
    noise("coffee", 40)
    recipe = RECIPES["warmup-cosine"]
    state = PreviewState.model_validate(
        {"recipe": {"name": recipe.name}, "composition": {"schedule": recipe.expand({}, 20, 30, 0.001)}}
    )
    page = open_page("train", {"preview_state": state})
    assert page.selectbox(key="train.schedule").options[0] == WORDS["composed"] + recipe.title
    page.button(key="train.fit").click()
    run_page(page)
    assert not any(button.key == "train.fit" for button in page.button)
    assert started(page, run_page).schedule == recipe.expand({}, 20, 2, 0.001)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"groups": [{"name": "head", "multiplier": 1}, {"name": "body", "lr": 0.1}]}, WORDS["groups"]),
        ({"schedule": {"scheduler": {"name": "ReduceLROnPlateau"}}}, WORDS["measured"].format(metric="loss")),
        (
            {"schedule": {"scheduler": {"name": "ReduceLROnPlateau", "mode": "max"}}},
            WORDS["measured"].format(metric="accuracy"),
        ),
    ],
)
def test_what_is_only_previewed_is_told(open_page, noise, changes, sentence):
    noise("coffee", 40)
    page = open_page("train", composed(**Composition.model_validate(changes).__dict__))
    assert any(plain(sentence) in element.value for element in page.markdown)
    page.selectbox(key="train.schedule").set_value("Fixed")
    page.run()
    assert not any(plain(sentence) in element.value for element in page.markdown)


def test_the_schedule_is_changed_for_the_run_that_was_entered(open_page, noise, run_page, component):
    noise("coffee", 40)
    page = open_page("train")
    page.number_input(key="train.epochs").set_value(6)
    page.selectbox(key="train.schedule").set_value("CosineAnnealingLR")
    run_page(page)
    page.button(key="train.to_schedule").click()
    run_page(page)
    data = component(page, "plot")
    run = Composition.model_validate(data["state"]["composition"])
    assert (run.epochs, run.steps_per_epoch, run.schedule.scheduler.T_max) == (6, 2, 6)
    assert data["revision"] == 1


def test_the_data_set_chosen_on_images_is_offered(open_page, noise):
    noise("one")
    noise("two")
    assert open_page("train", {"dataset": "one"}).selectbox(key="train.dataset").value == "one"
    assert open_page("train", {"dataset": "gone"}).selectbox(key="train.dataset").value == "two"


def test_the_plan_is_told_before_the_start(open_page, noise):
    noise("coffee", 40)
    shown = [element.value for element in open_page("train").markdown]
    # 80 images, a fifth held out: 64 of them are two batches of 32.
    assert "Trains on 64 images, validates on 16: 2 steps per epoch, 40 in all." in shown


@pytest.mark.parametrize("typed", ["1e-3", "0.001", " 1E-3 ", "1e-03"])
def test_an_lr_may_be_written_as_one_likes(open_page, noise, run_page, typed):
    noise("coffee", 40)
    page = open_page("train")
    page.text_input(key="train.lr").set_value(typed)
    run_page(page)
    assert started(page, run_page).optimizer.lr == 0.001


@pytest.mark.parametrize(
    ("widget", "key", "value", "sentence"),
    [
        ("text_input", "lr", "0", "got &#x27;0&#x27;, allowed: above 0"),
        ("text_input", "lr", "-1", "got &#x27;-1&#x27;, allowed: above 0"),
        ("text_input", "lr", "abc", "got &#x27;abc&#x27;, allowed: a number"),
        ("text_input", "lr", "", "got &#x27;&#x27;, allowed: a number"),
        ("text_input", "lr", "nan", "got &#x27;nan&#x27;"),
        ("text_input", "lr", "2000", "got &#x27;2000&#x27;, allowed: at most 1,000"),
        ("text_input", "lr", "<img src=x>", "&lt;img src=x&gt;"),
        ("number_input", "batch_size", 65, "got 65, allowed: at most 64, the number of training images"),
        ("text_input", "Adam.betas", "0.9", "Value 2: is required"),
        ("text_input", "Adam.betas", "0.9, 2", "got &#x27;2&#x27;, allowed: below 1"),
        ("text_input", "Adam.eps", "0", "got &#x27;0&#x27;, allowed: above 0"),
        ("text_input", "Adam.weight_decay", "-1", "got &#x27;-1&#x27;, allowed: at least 0"),
    ],
)
def test_what_cannot_be_trained_is_refused_where_one_looks(
    open_page, noise, run_page, home, widget, key, value, sentence
):
    noise("coffee", 40)
    page = open_page("train")
    getattr(page, widget)(key=f"train.{key}").set_value(value)
    run_page(page)
    (shown,) = refusals(page)
    assert sentence in shown
    assert page.button(key="train.start").disabled
    assert list_runs(home) == []


def test_images_that_leave_nothing_to_validate_on_are_refused(open_page, noise):
    noise("coffee", 1)
    page = open_page("train")
    assert "held out" in refusals(page)[0]
    assert page.button(key="train.start").disabled


def test_a_data_set_that_goes_away_at_the_start_is_told(open_page, noise, run_page, monkeypatch, home):
    noise("coffee", 40)
    page = open_page("train")

    def vanished(home: Any, experiment: Any, finder: Any, *, owner: str) -> None:
        raise LabError("there is no data set 'coffee'", field="dataset")

    monkeypatch.setattr(jobs, "submit", vanished, raising=False)
    page.button(key="train.start").click()
    run_page(page)
    assert any("there is no data set" in text for text in refusals(page))


def test_a_start_shows_the_run_in_the_forms_place(open_page, noise, run_page, component, home):
    noise("coffee", 40)
    page = open_page("train", new="1")
    page.text_input(key="train.name").set_value("<b>one</b>")
    run_page(page)
    started(page, run_page)
    (run,) = list_runs(home)
    assert page.query_params["run"] == run.id
    assert "new" not in page.query_params
    assert component(page, "plot")["runs"] == [run.id]
    assert page.expander[0].label == WORDS["new"]
    # A name is text: it goes to the components, and no Markdown holds it.
    assert component(page, "run_list")["rows"][0]["name"] == "<b>one</b>"
    assert not any("<b>one</b>" in str(element.value) for element in page.markdown)


def test_the_address_names_the_run(open_page, noise, component, start_run):
    noise()
    run = start_run(epochs=2).train().end()
    assert component(open_page("train", run=run.id), "plot")["runs"] == [run.id]


@pytest.mark.parametrize("run_id", ["abcdefghij", "../..", "x" * 500, "<script>"])
def test_an_address_that_names_no_run_shows_the_form_and_says_so(open_page, noise, component, run_id):
    noise()
    page = open_page("train", run=run_id)
    assert [warning.value for warning in page.warning] == [WORDS["missing_run"]]
    assert component(page, "plot") is None
    assert page.button(key="train.start")


def test_coming_back_shows_the_run_that_is_at_work(open_page, noise, component, start_run):
    noise()
    start_run(name="ended", epochs=1).train().end()
    worker = start_run(name="at work").train(3)
    assert component(open_page("train"), "plot")["runs"] == [worker.run.id]
    assert component(open_page("train", new="1"), "plot") is None


def test_runs_are_listed_newest_first_with_what_matters(open_page, noise, component, start_run):
    noise()
    start_run(name="old", epochs=2).train().end()
    start_run(name="failed").train(3).end("failed", cause="out of memory")
    start_run(name="now", epochs=4).train(7)
    rows = component(open_page("train"), "run_list")["rows"]
    assert [(row["name"], row["state"], row["facts"]) for row in rows] == [
        ("now", "running", "epoch 2 of 4 · best 50.0 %"),
        ("failed", "failed", "out of memory"),
        ("old", "succeeded", "best 75.0 %"),
    ]
    assert [row["shown"] for row in rows] == [True, False, False]


def test_the_settings_of_a_run_can_be_trained_again(open_page, noise, start_run):
    noise()
    run = start_run(epochs=2).train().end()
    page = open_page("train", run=run.id)
    settings = next(block.value for block in page.code if block.language == "json")
    assert Experiment.model_validate_json(settings) == run.experiment


@pytest.mark.parametrize("named_by", ["name", "id"])
def test_starting_from_the_settings_of_a_run_keeps_its_data_set(open_page, noise, run_page, start_run, named_by):
    """A run that was started from a terminal may name its data set by its id."""
    images = noise("coffee", 40)
    noise("newer", 40)
    run = start_run(dataset=getattr(images, named_by), batch_size=16).train().end()
    page = open_page("train", run=run.id)
    page.button(key="train.again").click()
    run_page(page)
    assert page.query_params["new"] == "1"
    assert page.selectbox(key="train.dataset").value == "coffee"
    assert page.number_input(key="train.batch_size").value == 16
    assert not refusals(page)


def test_a_data_set_that_is_gone_is_told_beside_the_one_in_its_place(open_page, noise, run_page, start_run):
    noise("one", 40)
    noise("two", 40)
    run = start_run(name="on coffee").train().end()
    page = open_page("train", run=run.id)
    page.button(key="train.again").click()
    run_page(page)
    told = WORDS["missing_images"].format(name="coffee")
    assert refusals(page) == [f'<p class="lrlab-refusal" role="alert">{told}</p>']
    assert page.selectbox(key="train.dataset").value == "two"
    assert not page.button(key="train.start").disabled
    page.selectbox(key="train.dataset").set_value("one")
    run_page(page)
    assert not refusals(page)
    page.selectbox(key="train.dataset").set_value("two")
    run_page(page)
    assert not refusals(page)


@pytest.mark.parametrize("damaged", ["{", '{"format": 99}'])
def test_a_run_that_cannot_be_read_is_told_and_the_others_are_listed(open_page, noise, component, start_run, damaged):
    noise("coffee", 40)
    fine, broken = (start_run(epochs=1, name=name).train().end() for name in ("fine", "broken"))
    (broken.folder / "run.json").write_text(damaged)
    page = open_page("train", run=broken.id)
    (told,) = refusals(page)
    assert f"run {broken.id}" in told
    assert page.button(key="train.start")
    assert [row["id"] for row in component(page, "run_list")["rows"]] == [fine.id]


def test_a_search_is_no_run_of_this_page(open_page, noise, start_search):
    noise()
    page = open_page("train", run=start_search().search().end().id)
    assert [warning.value for warning in page.warning] == [WORDS["missing_run"]]


def test_older_runs_are_listed_when_they_are_asked_for(open_page, noise, component, start_run, run_page):
    noise()
    runs = [start_run(name=f"run {number}", epochs=1).train().end() for number in range(FIRST + 2)]
    page = open_page("train")
    newest = [run.id for run in runs[::-1]]
    assert [row["id"] for row in component(page, "run_list")["rows"]] == newest[:FIRST]
    button = page.button(key="run_list.more")
    assert button.label == "Show older ones (2)"
    button.click()
    run_page(page)
    assert [row["id"] for row in component(page, "run_list")["rows"]] == newest
    assert "run_list.more" not in [button.key for button in page.button]


def test_a_run_leads_to_its_comparison(open_page, noise, start_run):
    noise()
    run = start_run(epochs=1).train().end()
    (link,) = [element.proto for element in open_page("train", run=run.id).get("page_link")]
    assert (link.label, link.page) == (WORDS["compare"], "compare")
    assert run.id in link.query_string


def test_the_end_of_what_the_worker_wrote_is_shown(open_page, noise, start_run):
    noise()
    run = start_run(epochs=1).train().end()
    run.worker_log.write_bytes(b"first line\n" + b"x" * 30_000 + b"\nlast line\n")
    written = next(block.value for block in open_page("train", run=run.id).code if "last line" in block.value)
    assert written.endswith("xx\nlast line") or written.endswith("xx\nlast line\n")
    assert len(written) <= 20_000


def test_a_sample_set_that_could_not_be_drawn_is_told_until_it_is_tried_again(open_page, run_page, monkeypatch):
    asked = []

    def status(desk: Any, import_id: str) -> jobs.ImportStatus:
        asked.append(import_id)
        return jobs.ImportStatus(id=import_id, dataset=SAMPLE_NAME, state="failed", error="the disk is full")

    monkeypatch.setattr(Desk, "start_import", lambda *_: f"import{len(asked)}")
    monkeypatch.setattr(Desk, "importing", status)
    page = open_page("train")
    page.button(key="train.sample").click()
    run_page(page)
    for _ in range(2):  # it is looked at no more
        assert asked == ["import0"]
        assert len(refusals(page)) == 1 and "the disk is full" in refusals(page)[0]
        run_page(page)
    page.button(key="train.sample").click()
    run_page(page)
    assert asked == ["import0", "import1"]


# ---- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interval", "meant", "has", "words"),
    [
        ("epoch", (20, 30), (20, 24), ""),
        (
            "epoch",
            (20, 30),
            (10, 24),
            "this run has 10. Its lengths count epochs, so the last 10 epochs of it are never",
        ),
        ("epoch", (20, 30), (25, 24), "so it goes on for 5 epochs beyond what it was composed for."),
        ("step", (20, 30), (30, 20), ""),
        (
            "step",
            (20, 30),
            (20, 24),
            "Composed for 600 steps; this run has 480 (20 epochs of 24). Its lengths count steps",
        ),
        ("step", (20, 30), (20, 40), "so it goes on for 200 steps beyond"),
    ],
)
def test_a_run_of_another_length_is_told(interval, meant, has, words):
    told = texts.length_note(interval, meant, has)
    assert (words in told) if words else told == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "just now"), (59, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (90000, "1 day ago")],
)
def test_how_long_ago(seconds, words):
    assert ago(seconds) == words


@pytest.mark.parametrize(
    ("value", "text"), [(0.001, "0.001"), (1e-5, "1e-5"), (0.0, "0"), (10.0, "10"), (1.25e-4, "0.000125"), (0.1, "0.1")]
)
def test_numbers_as_they_are_typed(value, text):
    assert written(value) == text
    assert float(text) == value
