"""Names that came from outside: which paths inside an archive or upload are safe, and which files are only litter."""

from __future__ import annotations

import re
import unicodedata

MAX_PATH = 1024
MAX_DEPTH = 32

Parts = tuple[str, ...]
"""A file's path as its folders and its name: ("train", "Dark", "bean 1.png")."""

_DRIVE = re.compile(r"[A-Za-z]:")
_LITTER = {"__macosx", "thumbs.db", "desktop.ini", "icon\r", "ehthumbs.db", "$recycle.bin"}
# Control characters, lone surrogates (bytes that are no text) and line breaks spoil every list a name is shown in.
_UNSHOWABLE = {"Cc", "Cs", "Zl", "Zp"}


def is_showable(text: str) -> bool:
    """Whether every character of `text` can be shown in one line (spaces of other scripts and emoji can)."""
    return text.isprintable() or not any(unicodedata.category(character) in _UNSHOWABLE for character in text)


def safe_parts(path: str) -> Parts:
    """`path` cut at / and \\, in Unicode's composed form (NFC), without "." and empty parts.

    Raises ValueError with the reason where the path could lead out of its folder or cannot be shown.
    """
    if "\0" in path:
        raise ValueError("holds a NUL character")
    path = unicodedata.normalize("NFC", path).replace("\\", "/")
    if path.startswith("/"):
        raise ValueError("is an absolute path")
    if _DRIVE.match(path):
        raise ValueError("starts with a drive letter")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if ".." in parts:
        raise ValueError('leads out of its folder ("..")')
    if not parts:
        raise ValueError("has no name")
    if len(path) > MAX_PATH or len(parts) > MAX_DEPTH:
        raise ValueError(f"is too long; allowed: {MAX_PATH} characters and {MAX_DEPTH} folders")
    if not is_showable(path) and not is_litter(parts):
        raise ValueError("holds a control character")
    return parts


def is_litter(parts: Parts) -> bool:
    """Whether a path is something that an operating system leaves behind: __MACOSX, dot files, Thumbs.db."""
    return any(part.startswith(".") or part.lower() in _LITTER for part in parts)


def folded(parts: Parts) -> str:
    """The form in which two names that some file system takes for the same are equal."""
    # Folding may take a composed letter apart.
    return unicodedata.normalize("NFC", "/".join(parts).casefold())
