"""Whoever is at a page or a route: the local user, or the person whom the identity provider has sent.

Streamlit signs people in over OIDC where .streamlit/secrets.toml has an [auth] part, and keeps who they are in a signed
cookie. A page learns it from `st.user`; routes answer without a page, and read the cookie themselves.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import HTTPConnection
from streamlit.auth_util import (
    get_cookie_with_chunks,
    get_origin_from_redirect_uri,
    is_authlib_installed,
    validate_auth_credentials,
)
from streamlit.errors import StreamlitAuthError
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from lrlab.desk import Desk
from lrlab.errors import Forbidden, LabError
from lrlab.home import lab_home, named_home
from lrlab.rights import LOCAL, Person, person, sees
from lrlab.runs import RunRecord


def auth() -> Mapping[str, Any] | None:
    """The [auth] part of .streamlit/secrets.toml, as it was when the server started; None where there is none.

    LabError where a secrets.toml cannot be read: a lab whose sign-in has a fault is open to nobody, not to everybody.
    """
    return _auth(tuple(st.get_option("secrets.files")))


@cache
def _auth(files: tuple[str, ...]) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = None
    for file in files:
        try:
            parts = tomllib.loads(Path(file).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise LabError(f"{file} cannot be read: {error}") from error
        found = parts.get("auth", found)
    return found


def providers() -> list[str | None]:
    """The names of the identity providers, for `st.login`; None is the one without a name."""
    parts = auth() or {}
    named = [name for name, value in parts.items() if isinstance(value, Mapping) and "client_id" in value]
    return [None, *named] if "client_id" in parts else [*named]


def check() -> None:
    """LabError where people are to sign in and cannot. To be called before the server starts."""
    if auth() is None:
        return
    if not is_authlib_installed():
        raise LabError("secrets.toml has an [auth] part, and signing in needs the package authlib: install it")
    if st.get_option("server.trustedUserHeaders"):
        raise LabError("server.trustedUserHeaders and [auth] say both who somebody is; lrlab goes by [auth] alone")
    if not providers():
        raise LabError("[auth] in secrets.toml names no identity provider: it needs a client_id")
    for provider in providers():
        try:
            validate_auth_credentials(provider or "default")
        except StreamlitAuthError as error:
            raise LabError(" ".join(str(error).split())) from error
    person(lab_home(), "somebody@example.org")  # the list of teachers can be read


def visitor() -> Person | None:
    """Whoever is at this page; None where they have yet to sign in."""
    return LOCAL if auth() is None else _person(st.user.to_dict())


def desk() -> Desk:
    """The lab as whoever is at this page may see and use it."""
    here = visitor()
    if here is None:
        raise Forbidden("sign in first")
    return Desk(lab_home(), here)


def sender(connection: HTTPConnection) -> Person | None:
    """Whoever a request comes from; None where they have not signed in."""
    return LOCAL if auth() is None else _person(_of_cookie(connection.cookies))


def in_sight(record: RunRecord, asking: Person | None) -> bool:
    """Whether whoever this thread works for sees a run: whoever is at the page, elsewhere whoever is `asking`."""
    somebody = asking if get_script_run_ctx(suppress_warning=True) is None else visitor()
    return somebody is not None and sees(somebody, record)


def _person(facts: Mapping[str, Any]) -> Person | None:
    """The person of whom the identity provider has told `facts`; an address that it doubts is nobody's."""
    mail = facts.get("email")
    if facts.get("is_logged_in") is not True or not isinstance(mail, str) or not mail.strip():
        return None
    if facts.get("email_verified") in (False, "false"):
        return None
    return person(named_home(), mail)


def _of_cookie(cookies: Mapping[str, str]) -> Mapping[str, Any]:
    """What the cookie of Streamlit's sign-in tells; nothing where there is none, or its signature is not ours."""
    secret = get_cookie_secret()

    def decoded(name: str) -> bytes | None:
        value = cookies.get(name)
        return None if value is None else decode_signed_value(secret, name, value.encode("latin-1", "replace"))

    told = get_cookie_with_chunks(decoded, USER_COOKIE_NAME)
    if told is None:
        return {}
    try:
        facts = json.loads(told)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) and facts.get("origin") == get_origin_from_redirect_uri() else {}
