"""The way in and out of a lab that people sign in to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from lrlab.rights import Person
from lrlab.ui import people
from lrlab.ui.markdown import plain

TITLE = "lrlab"
LEAD = "See a learning-rate schedule, try it on your own images, compare what it did."
SIGN_IN = "Sign in"
SIGN_IN_WITH = "Sign in with {provider}"
SIGN_OUT = "Sign out"
NOBODY = (
    "You are signed in, but the identity provider has told no mail address of yours, or one that it has not verified. "
    "lrlab knows people by their addresses. Sign out, and in with another account."
)
WHERE = "sign-out"
"""The address of the page that signs out."""


def sign_in() -> None:
    """The whole page for whoever is not known: a button for each identity provider."""
    st.title(TITLE)
    st.write(LEAD)
    if st.user.is_logged_in:
        st.write(NOBODY)
        if st.button(SIGN_OUT, key="sign_out"):
            st.logout()
        return
    for provider in people.providers():
        label = SIGN_IN_WITH.format(provider=plain(provider.capitalize())) if provider else SIGN_IN
        if st.button(label, type="primary", key=f"sign_in.{provider}"):
            st.login(provider)


def sign_out(person: Person) -> Mapping[str, list[Any]]:
    """What stands last in the navigation: under the person's address the way out. Empty for the local user."""
    if person.role == "local":
        return {}
    return {person.mail: [st.Page(st.logout, title=SIGN_OUT, url_path=WHERE)]}
