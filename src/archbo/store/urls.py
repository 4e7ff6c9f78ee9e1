"""Where a store is, and what of it may be shown: a password never leaves this module."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from archbo.errors import StoreError

HIDDEN = "***"

_POSTGRES = "postgresql+psycopg"  # of the drivers, the one that the extra installs

_SECRET = re.compile(r"pass|pwd|secret|token|credential|key", re.IGNORECASE)
"""In the name of a parameter, or in a value that holds parameters of its own."""


def is_url(location: object) -> bool:
    """Whether a location is a URL, not the name of a file."""
    return isinstance(location, str) and "://" in location


def parse_url(location: str) -> URL:
    """A database's URL.

    Raises:
        StoreError: if it is none; the message has nothing of it but its scheme.
    """
    try:
        url = make_url(location)
    except (ArgumentError, ValueError):
        # not from the error that was raised: it may repeat the URL
        raise StoreError(f"{shown_location(location)!r} is no database URL") from None
    if url.drivername == "postgresql":
        url = url.set(drivername=_POSTGRES)
    return url


def shown_url(url: URL) -> str:
    """A URL without its password, also where that is a parameter, and without the usual driver."""
    if url.drivername == _POSTGRES:
        url = url.set(drivername="postgresql")
    query = {
        name: HIDDEN if _is_secret(name, value) else value for name, value in url.query.items()
    }
    text = url.set(query=query).render_as_string(hide_password=True)
    return text.replace(quote_plus(HIDDEN), HIDDEN)


def shown_location(location: str | Path) -> str:
    """How messages call a store that a user named: a file as it is, a URL without its password.

    >>> shown_location("postgresql://me:hush@host/digits?password=hush")
    'postgresql://me:***@host/digits?password=***'
    >>> shown_location("postgresql://me:hush@host:port/digits")
    'postgresql://…'
    """
    if not isinstance(location, str) or not is_url(location):
        return str(location)
    try:
        return shown_url(make_url(location))
    except (ArgumentError, ValueError):
        scheme, _, rest = location.partition("://")
        return f"{scheme}://{'…' if rest else ''}"


def database_name(location: str) -> str:
    """The name of the database at a URL; that of the kind of database where it has none.

    >>> database_name("postgresql://me:hush@host/digits?password=hush")
    'digits'
    """
    url = parse_url(location)
    return url.database or url.get_backend_name()


def redacted(text: str, url: URL) -> str:
    """A text, such as a driver's error, without the secrets of a URL in any of their spellings."""
    for secret in sorted(set(_spellings(_secrets(url))), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _secrets(url: URL) -> Iterator[str]:
    if url.password:
        yield str(url.password)
    for name, value in url.query.items():
        if _is_secret(name, value):
            yield from [value] if isinstance(value, str) else value


def _spellings(secrets: Iterable[str]) -> Iterator[str]:
    for secret in secrets:
        yield from {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)} - {""}
        yield from {repr(secret)[1:-1], secret.replace("\\", "\\\\").replace("'", "\\'")} - {""}


def _is_secret(name: str, value: str | tuple[str, ...]) -> bool:
    values = (value,) if isinstance(value, str) else value
    return any(_SECRET.search(text) for text in (name, *values))
