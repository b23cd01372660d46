"""Names that mean harm, through every place that shows a text, in a real Chromium: 0 scripts, 0 requests, 0 links.

The names are those of data sets, classes, files, refused files, runs, searches, causes and logs; what a person types
into addresses, forms and pasted code; and what a person's own files are called. Short: names of some runs are joined
on one page; with LRLAB_LONG=1 each run's page is opened for itself.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from lrlab.datasets import Dataset, add_dataset
from lrlab.errors import LabError
from lrlab.experiments import Experiment, Finder
from lrlab.home import Home
from lrlab.runs import DatasetFacts, Predictions, Run, create_run, store_predictions, update
from lrlab.runs.predictions import tabulated
from lrlab.schedules.formula import parse_formula
from lrlab.ui import images_texts, tabs_texts
from tests.browser.conftest import LONGEST, fresh_profile
from tests.conftest import HandFinder, HandWorker
from tests.faults.payloads import MARK, NAMES, PAYLOADS
from tests.faults.zips import Entry, archive
from tests.serving import Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]

BROUGHT = """() => {
    const found = [];
    const leading = 'href xlink:href src srcset srcdoc action formaction data poster content'.split(' ');
    const visit = (root) => {
        for (const node of root.querySelectorAll('*')) {
            for (const { name, value } of node.attributes) {
                // A heat map is a picture that the page has drawn, and its letters are chance's.
                if (value.startsWith('data:image/png;base64,')) continue;
                const bad = name.startsWith('on')
                    || (leading.includes(name) && /evil|javascript:|qran|qo\\d\\d/.test(decodeURIComponent(value)))
                    || (name === 'style' && /evil|qo\\d\\d/.test(value));
                if (bad) found.push(`<${node.tagName.toLowerCase()} ${name}="${value}">`);
            }
            if (node.shadowRoot) visit(node.shadowRoot);
        }
    };
    visit(document);
    return found;
}"""
"""What of a name became more than text: elements with a handler, or that lead or load anything."""

AT_ONCE = 12
"""So many of a person's own images are shown at a time."""

OPEN_FOLDS = """() => document.querySelectorAll('details:not([open]) > summary').forEach((fold) => fold.click())"""

SAID = """() => {
    const said = [];
    const visit = (node) => {
        if (node.nodeType === Node.TEXT_NODE) said.push(node.data);
        if (['SCRIPT', 'STYLE', 'TEXTAREA'].includes(node.nodeName)) return;
        for (const name of ['title', 'aria-label', 'alt']) {
            if (node.getAttribute?.(name)) said.push(node.getAttribute(name));
        }
        for (const inside of node.shadowRoot?.childNodes ?? []) visit(inside);
        node.childNodes.forEach(visit);
    };
    visit(document.body);
    return said.join('\\n');
}"""
"""What the page says of itself: no address, and nothing that a person has typed into a field."""


@dataclass
class Watched:
    """What tabs did that they should not have."""

    scripts: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    places: int = 0

    def of(self, context: BrowserContext, own: str) -> Watched:
        def asked(request: Request) -> None:
            strange = not request.url.startswith((own, own.replace("http", "ws"), "data:", "blob:"))
            loaded = request.resource_type not in ("document", "fetch", "xhr", "websocket", "eventsource")
            if strange or (loaded and MARK.search(request.url)):
                self.requests.append(f"{request.resource_type} {request.url}")

        context.add_init_script("window.qran = (number) => (window.qrans ??= []).push(number);")
        context.on("request", asked)
        context.on("dialog", lambda dialog: (self.scripts.append(dialog.message), dialog.dismiss()))
        return self

    def look(self, page: Page, *own: str) -> None:
        """Checks what stands on the page as soon as all of `own` are to be seen there as text."""
        self.places += 1
        end = time.monotonic() + LONGEST
        while unseen := set(own).difference(filter(page.evaluate(SAID).__contains__, own)):
            assert time.monotonic() < end, f"{page.url[:80]} does not say {unseen}"
            page.wait_for_timeout(50)
        self.scripts += [f"{page.url[:80]}: {number}" for number in page.evaluate("window.qrans ?? []")]
        self.links += [f"{page.url[:80]}: {tag}" for tag in page.evaluate(BROUGHT)]

    def add(self, one: Watched) -> None:
        self.scripts += one.scripts
        self.requests += one.requests
        self.links += one.links
        self.places += one.places

    def check(self) -> None:
        assert (self.scripts, self.requests, self.links) == ([], [], [])


@pytest.fixture(scope="module")
def total(pytestconfig: pytest.Config) -> Iterator[Watched]:
    """Of all tests of the module that are run; its figure is printed behind them."""
    total = Watched()
    yield total
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(
            f"\nFIGURE names in a browser: {len(PAYLOADS)} payloads, {total.places} looks at pages: "
            f"{len(total.scripts)} scripts, {len(total.requests)} requests, {len(total.links)} links"
        )


@pytest.fixture
def watched(total: Watched) -> Iterator[Watched]:
    """Of one test."""
    watched = Watched()
    yield watched
    total.add(watched)


@pytest.fixture
def profile(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    """A browser for each test, which tells this test alone what it asks for."""
    context = fresh_profile(browser, server)
    yield context
    context.close()


@pytest.fixture
def tab(page: Page, server, watched: Watched) -> Iterator[Page]:
    watched.of(page.context, server.url)
    yield page
    watched.look(page)
    watched.check()


@dataclass(frozen=True)
class Lab:
    dataset: Dataset
    runs: list[Run]
    search: Run


def files(picture: Callable[..., bytes]) -> list[Entry]:
    """Two images and a broken one in every class; the classes and the files bear the names."""
    made = []
    for number, name in enumerate(NAMES):
        for split, file in (("train", f"{name}.png"), ("train", f"2 {name}"), ("val", f"{name}.png")):
            made.append(Entry(f"{split}/{name}/{file}", picture(len(made))))
        made.append(Entry(f"train/{name}/broken {name}.png", b"broken"))
        made.append(Entry(f"train/{name}/twin {name}.png", picture(3 * (number - number % 2))))
    return made


def trained(home: Home, dataset: Dataset, name: str, text: str, number: int) -> Run:
    """A run that has ended, every text of it hostile."""
    facts = DatasetFacts(id=dataset.id, name=text[:80], classes=dataset.classes, train=56, val=28)
    regularization = {"l2": number / 1000}  # in which runs differ
    asked = {"name": name, "dataset": text, "epochs": 2, "regularization": regularization}
    run = create_run(home, Experiment.model_validate(asked), dataset=facts, steps_per_epoch=3)
    HandWorker(run).train().end("failed" if number % 3 == 2 else "succeeded", cause=text, advice=text)
    update(run, notes=text, tags=(text,), group=text)
    run.worker_log.write_text(f"{text}\n" * 3)
    scores = np.random.default_rng(number).normal(size=(len(NAMES), len(dataset.classes)))
    labels = np.arange(len(NAMES)) % len(dataset.classes)
    shown = dataset.images[dataset.images["split"] == "val"]
    frame = tabulated("val", shown.index.to_numpy(), list(shown["name"]), labels, scores, dataset.classes)
    store_predictions(run, Predictions(frame, dataset.classes, 1))
    return run


@pytest.fixture(scope="module")
def lab(server, picture: Callable[..., bytes], tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A lab in which everything that has a name bears each payload once."""
    home: Home = server.home
    folder = tmp_path_factory.mktemp("sources")
    source = folder / "set.zip"
    for name in NAMES[::-1]:
        source.write_bytes(archive([Entry(f"{label}/{n}.png", picture(n)) for label in "PQ" for n in range(2)]))
        add_dataset(home, source, name)
    source.write_bytes(archive(files(picture)))
    dataset = add_dataset(home, source, "names")
    assert len(dataset.classes) == len(NAMES)
    runs = [trained(home, dataset, text, text, number) for number, text in enumerate(PAYLOADS)]
    facts = DatasetFacts(id=dataset.id, name=NAMES[1], classes=dataset.classes, train=56, val=28)
    finder = Finder(steps=40)
    asked = Experiment.model_validate({"name": PAYLOADS[1], "dataset": NAMES[1]})
    search = create_run(home, asked, dataset=facts, steps_per_epoch=finder.steps, finder=finder)
    HandFinder(search).search().end()
    search.worker_log.write_text("\n".join(PAYLOADS))
    return Lab(dataset, runs, search)


def opened(page: Page, path: str) -> None:
    """Goes to `path` and waits until the page stands, with every fold open."""
    page.goto(path)
    stands(page)
    page.evaluate(OPEN_FOLDS)
    stands(page)


def stands(page: Page) -> None:
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning")


def hover(page: Page, chart: str, points: int = 12) -> None:
    """Moves the pointer over a chart, so that what it says of its points is drawn too."""
    box = page.locator(chart).first.bounding_box()
    if not box:
        return
    for step in range(points):
        share = (step + 0.5) / points
        page.mouse.move(box["x"] + box["width"] * (0.3 + 0.05 * (step % 3)), box["y"] + box["height"] * share)


def test_images(tab: Page, lab: Lab, watched: Watched, long: bool) -> None:
    opened(tab, f"/images?dataset={quote('names')}")
    chart = tab.get_by_role("img", name=re.compile("Bar chart"))
    expect(chart.locator(".barlayer").first).to_be_attached()
    for number in range(0, len(NAMES), 1 if long else 7):
        bar = chart.locator(".barlayer .point").nth(number)
        bar.scroll_into_view_if_needed()
        bar.hover(force=True)
        watched.look(tab, lab.dataset.classes[number])
    tab.get_by_role("button", name=images_texts.DELETE, exact=True).click()
    expect(tab.get_by_role("dialog")).to_be_visible()
    watched.look(tab)
    tab.keyboard.press("Escape")
    # the list of data sets, each name an option
    choice = tab.get_by_test_id("stSelectbox").first.get_by_role("combobox")
    choice.click()
    expect(tab.get_by_role("option").first).to_be_visible()
    offered = set(tab.get_by_role("option").all_text_contents()) - {lab.dataset.name}
    assert offered and offered <= set(NAMES)
    watched.look(tab, *offered)


def test_every_data_set_by_its_name(tab: Page, lab: Lab, watched: Watched, long: bool) -> None:
    for name in NAMES if long else NAMES[::14]:
        opened(tab, f"/images?dataset={quote(name, safe='')}")
        expect(tab.get_by_test_id("stSelectbox").first.get_by_role("combobox")).to_have_value(name)
        watched.look(tab, name)


def test_runs_on_the_train_page(tab: Page, lab: Lab, watched: Watched, long: bool) -> None:
    opened(tab, "/train?new=1")
    watched.look(tab, PAYLOADS[-1])  # the newest runs stand beside the form
    for run in lab.runs if long else lab.runs[1:9:7]:
        opened(tab, f"/train?run={run.id}")
        expect(tab.locator(".stage .chart[data-drawn]")).to_be_visible()
        expect(tab.get_by_role("img", name=re.compile("Confusion matrix"))).to_be_visible()
        tab.get_by_test_id("mistakes").scroll_into_view_if_needed()
        hover(tab, ".stage .chart")
        watched.look(tab, run.record.name)


def test_runs_side_by_side(tab: Page, lab: Lab, watched: Watched) -> None:
    half = len(lab.runs) // 2
    for part in (lab.runs[:half], lab.runs[half:]):
        opened(tab, f"/compare?runs={','.join(run.id for run in part)}")
        chart = tab.locator(".stage .chart[data-drawn]")
        expect(chart).to_be_visible()
        hover(tab, ".stage .chart")
        watched.look(tab, *(run.record.name for run in part))
    opened(tab, f"/compare?runs={lab.runs[6].id}")
    for button in ("Rename", "Delete"):
        tab.get_by_role("button", name=re.compile(f"^{button}")).first.click()
        expect(tab.get_by_role("dialog")).to_contain_text(lab.runs[6].record.name if button == "Delete" else "name")
        watched.look(tab)
        tab.keyboard.press("Escape")
        expect(tab.get_by_role("dialog")).to_have_count(0)


def test_searches_the_lab_and_the_gallery(tab: Page, lab: Lab, watched: Watched) -> None:
    opened(tab, f"/find_lr?run={lab.search.id}")
    expect(tab.locator(".finder .chart[data-drawn]")).to_be_visible()
    hover(tab, ".finder .chart")
    watched.look(tab, PAYLOADS[1])
    for path, own in (("/find_lr", PAYLOADS[1]), ("/lab", PAYLOADS[-1]), ("/gallery", "")):
        opened(tab, path)
        watched.look(tab, own)


def test_what_an_address_says(tab: Page, lab: Lab, watched: Watched, long: bool) -> None:
    for text in PAYLOADS if long else [" ".join(PAYLOADS)]:
        said = quote(text, safe="")
        link = quote(json.dumps({"schedule": {"scheduler": {"name": text}}, text[:30]: text}), safe="")
        quoted = text[:20].replace("\\", "\\\\")
        as_link = "" if text.startswith("{") else quoted  # of what should be JSON the place of the fault is told
        for path, own in (
            (f"/train?run={said}", ""), (f"/images?dataset={said}", ""), (f"/find_lr?run={said}", ""),
            (f"/compare?runs={said}", ""), (f"/?schedule={link}", quoted), (f"/?schedule={said}", as_link),
        ):  # fmt: skip
            opened(tab, path)
            watched.look(tab, own)  # what could not be read is quoted by the Schedule page alone


def test_what_a_person_types_and_pastes(tab: Page, lab: Lab, watched: Watched, long: bool) -> None:
    opened(tab, "/")
    tab.get_by_role("tab", name=tabs_texts.PASTE).click()
    field = tab.get_by_role("textbox", name=tabs_texts.PASTE_HERE)
    for text in PAYLOADS if long else PAYLOADS[::9]:
        field.fill(
            f"scheduler = StepLR(optimizer, step_size={json.dumps(text)}, gamma=known)\n"
            f"lr = LambdaLR(optimizer, lambda e: {text})\n{text}\n"
        )
        tab.get_by_role("button", name=tabs_texts.READ).click()
        # Of a long line the beginning is quoted: with its mark, which is no other payload's, where that comes so soon.
        watched.look(tab, *(MARK.findall(text[:40]) or [text[:20]]))
    # names of parameter groups, and a formula, are drawn in the chart
    groups = [{"name": text[:40], "multiplier": 0.1 + number / 10} for number, text in enumerate(PAYLOADS[:6])]
    composed = {"groups": groups, "schedule": {"scheduler": {"name": "LambdaLR", "formula": "0.9 ** epoch"}}}
    opened(tab, f"/?schedule={quote(json.dumps(composed), safe='')}")
    hover(tab, ".chart")
    watched.look(tab, *(group["name"] for group in groups))
    control = tab.get_by_test_id("field-scheduler.formula")
    formula = control.get_by_role("textbox")
    for text in PAYLOADS if long else PAYLOADS[::9]:
        with pytest.raises(LabError) as refused:
            parse_formula(text)
        for typed, answer in (("1", ""), (text, str(refused.value).removeprefix("formula: "))):
            formula.fill(typed)
            formula.press("Enter")
            expect(control.locator(".complaint")).to_have_text(answer)
        watched.look(tab)


def test_what_a_persons_own_files_are_called(tab: Page, lab: Lab, watched: Watched, tmp_path: Path, long: bool) -> None:
    opened(tab, f"/train?run={lab.runs[0].id}")
    paths = [tmp_path / f"{name}.png" for name in NAMES]
    for path in paths:
        path.write_bytes(b"no picture")
    cards = tab.get_by_test_id("own-images").locator("li")
    for begin in range(0, len(paths), AT_ONCE):
        some = paths[begin : begin + AT_ONCE]
        tab.get_by_test_id("own-image-input").set_input_files(some)
        expect(cards.nth(len(some) - 1).get_by_role("alert")).to_be_visible()
        watched.look(tab, *(path.name for path in some))
    opened(tab, "/images")
    for name in NAMES if long else NAMES[1:12:5]:
        bad = tmp_path / f"{name}.zip"
        bad.write_bytes(archive([Entry(f"{name}/1.png", b"x"), Entry(f"../{name}", b"x")]))
        tab.locator("input[type=file]:not([webkitdirectory])").first.set_input_files(bad)
        tab.get_by_role("button", name=images_texts.CONTROL["add"]).click()
        expect(tab.get_by_test_id("addition").last).to_contain_text(re.compile("is refused|already a data set"))
        watched.look(tab, name)
        tab.get_by_role("button", name=images_texts.CONTROL["dismiss"]).first.click()
