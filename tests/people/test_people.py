"""Whoever signs in, from what secrets.toml and the provider say; and a sign-in with a fault, which opens nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from starlette.requests import HTTPConnection
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

from lrlab.errors import LabError
from lrlab.home import Home
from lrlab.rights import LOCAL, Person
from lrlab.ui import people

PROJECT = Path(__file__).resolve().parents[2]
SECRET = "a secret of the test, long enough to be one"
AUTH = f"""
[auth]
redirect_uri = "https://lab.school.example/oauth2callback"
cookie_secret = "{SECRET}"
"""
ONE = 'client_id = "lrlab"\nclient_secret = "x"\nserver_metadata_url = "https://provider.example/x"\n'
ORIGIN = "https://lab.school.example"
ANN = {"origin": ORIGIN, "is_logged_in": True, "email": "Ann@School.example", "email_verified": True}


@pytest.fixture
def secrets(tmp_path: Path) -> Iterator[Any]:
    """`secrets(text)` writes .streamlit/secrets.toml for this test."""
    file, before = tmp_path / "secrets.toml", st.get_option("secrets.files")
    st.config.set_option("secrets.files", [str(file)])
    secrets_singleton._reset()
    yield file.write_text
    st.config.set_option("secrets.files", before)
    secrets_singleton._reset()


def cookie(facts: Any, secret: str = SECRET, name: str = "_streamlit_user") -> HTTPConnection:
    """A request that brings the cookie which Streamlit's sign-in makes of `facts`."""
    value = create_signed_value(secret, name, facts if isinstance(facts, str) else json.dumps(facts)).decode()
    return HTTPConnection({"type": "http", "headers": [(b"cookie", f"_streamlit_user={value}".encode())]})


@pytest.mark.parametrize("text", [None, "", "[other]\nx = 1\n"])
def test_without_a_sign_in_whoever_asks_is_the_local_user(secrets: Any, text: str | None) -> None:
    if text is not None:
        secrets(text)
    people.check()
    assert people.auth() is None and people.visitor() == LOCAL
    assert people.sender(HTTPConnection({"type": "http", "headers": []})) == LOCAL


@pytest.mark.parametrize(
    ("facts", "who"),
    [
        (ANN, Person("ann@school.example", "student")),
        ({**ANN, "email": "tea.cher@school.example"}, Person("tea.cher@school.example", "teacher")),
        (
            {name: value for name, value in ANN.items() if name != "email_verified"},
            Person("ann@school.example", "student"),
        ),
        ({**ANN, "email_verified": False}, None),
        ({**ANN, "email_verified": "false"}, None),
        ({**ANN, "email": None}, None),
        ({**ANN, "email": " "}, None),
        ({**ANN, "email": ["ann@school.example"]}, None),
        ({**ANN, "is_logged_in": False}, None),
        ({**ANN, "is_logged_in": "yes"}, None),
        ({**ANN, "origin": "https://other.example"}, None),
        ({}, None),
        ([], None),
        ("no JSON", None),
    ],
)
def test_who_a_cookie_is(home: Home, secrets: Any, facts: Any, who: Person | None) -> None:
    secrets(AUTH + ONE)
    home.settings.write_text('[people]\nteachers = ["tea.cher@school.example"]\n')
    assert people.sender(cookie(facts)) == who


def test_who_a_cookie_is_makes_and_reads_nothing_but_the_settings(
    home: Home, secrets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets(AUTH + ONE)
    home.cache.rmdir()
    home.mark_file.write_text("damaged")
    assert people.sender(cookie(ANN)) == Person("ann@school.example", "student")
    assert not home.cache.exists()


def test_whoever_becomes_a_teacher_is_one_at_the_next_request(home: Home, secrets: Any) -> None:
    secrets(AUTH + ONE)
    for teachers, role in (("[]", "student"), ('["ann@school.example"]', "teacher"), ("[]", "student")):
        home.settings.write_text(f"[people]\nteachers = {teachers}\n")
        assert people.sender(cookie(ANN)) == Person("ann@school.example", role)


def test_a_cookie_of_another_secret_or_another_purpose_is_nobodys(home: Home, secrets: Any) -> None:
    secrets(AUTH + ONE)
    assert people.sender(cookie(ANN, secret="another secret, long enough too")) is None
    assert people.sender(cookie(ANN, name="_streamlit_xsrf")) is None
    assert people.sender(HTTPConnection({"type": "http", "headers": []})) is None
    assert people.sender(HTTPConnection({"type": "http", "headers": [(b"cookie", b"_streamlit_user=\xff")]})) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (AUTH + ONE, [None]),
        (f"{AUTH}[auth.google]\n{ONE}[auth.school]\n{ONE}", ["google", "school"]),
        (f"{AUTH}{ONE}[auth.google]\n{ONE}", [None, "google"]),
    ],
)
def test_the_providers_by_their_names(secrets: Any, home: Home, text: str, named: list[str | None]) -> None:
    secrets(text)
    people.check()
    assert people.providers() == named


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[auth", "cannot be read"),
        ("[auth]\n", "no identity provider"),
        (AUTH, "no identity provider"),
        (f"[auth]\n{ONE}", "redirect_uri"),
        (f'[auth]\nredirect_uri = "https://x/oauth2callback"\n{ONE}', "cookie_secret"),
        (f'{AUTH}client_id = "lrlab"\n', "client_secret"),
    ],
)
def test_a_sign_in_with_a_fault_is_told_before_the_server_starts(
    secrets: Any, home: Home, text: str, told: str
) -> None:
    secrets(text)
    with pytest.raises(LabError, match=told):
        people.check()


def test_a_fault_among_the_teachers_is_told_too(secrets: Any, home: Home) -> None:
    secrets(AUTH + ONE)
    home.settings.write_text("[people]\nteachers = 3\n")
    with pytest.raises(LabError, match="teachers"):
        people.check()


def test_the_server_does_not_start_open_to_all(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.toml"
    secrets.write_text("[auth")
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "app.py",
        "--server.port",
        "0",
        "--secrets.files",
        str(secrets),
    ]
    environment = {**os.environ, "LRLAB_HOME": str(tmp_path / "lab")}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode != 0
    assert "lrlab does not start" in done.stdout + done.stderr
