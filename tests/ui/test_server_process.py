"""What the web process must not do: import torch, or collect all garbage after every run of a page."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from streamlit.config import get_config_options
from streamlit.testing.v1 import AppTest

from lrlab.datasets import add_sample
from lrlab.ui import main

PROJECT = Path(__file__).parents[2]
PAGES = sorted((PROJECT / "pages").glob("*.py"))

RENDER_ALL = """
import sys
import app  # routes and lifespan too
from streamlit.testing.v1 import AppTest

# A page links to its neighbours, which exist only within the navigation; the one to render is its default.
SCRIPT = "import streamlit as st; st.navigation([st.Page(p, default=p == {here!r}) for p in {all!r}]).run()"
for here in sys.argv[1:]:
    shown = AppTest.from_string(SCRIPT.format(here=here, all=sys.argv[1:]), default_timeout=60).run()
    assert not shown.exception, (here, shown.exception)
    assert shown.title, here
print(sorted(name for name in sys.modules if name.split(".")[0] in ("torch", "torchvision")))
"""


def test_no_page_and_no_route_brings_torch_into_the_web_process(home):
    add_sample(home)  # pages with something to show import the most
    command = [sys.executable, "-c", RENDER_ALL, *map(str, PAGES)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_every_page_is_in_the_navigation(home):
    script = AppTest.from_file(main.__file__, default_timeout=60).run()
    assert not script.exception
    source = Path(main.__file__).read_text()
    assert len(PAGES) == 7
    assert all(f'"{page.stem}"' in source for page in PAGES)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("runner.postScriptGC", False),
        ("browser.gatherUsageStats", False),
        ("server.address", "127.0.0.1"),
        ("server.fileWatcherType", "none"),
    ],
)
def test_the_settings_that_the_server_rests_on_exist_and_are_set(option, value):
    assert option in get_config_options(), "this Streamlit has no such option any more"
    section, name = option.split(".")
    settings = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text())
    assert settings[section][name] == value
