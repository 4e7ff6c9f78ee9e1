"""The dashboard on this machine: which address it has, who may reach it, when it ends."""

from __future__ import annotations

import gc
import secrets
import socket
import sys
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from ipaddress import ip_address
from threading import Thread

import uvicorn

from archbo.errors import ProblemError
from archbo.store import Store
from archbo.views.dashboard.app import make_app
from archbo.views.dashboard.feed import Feed
from archbo.views.dashboard.pages import Site
from archbo.views.infos import study_name

USUAL_PORT = 8080
_YOUNG = 100_000  # objects made until cycles are looked for


def serve(
    locations: Sequence[str],
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    control: bool = False,
    show: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Show studies until Ctrl-C.

    Args:
        locations: of their stores.
        host: the address to listen at; the loopback's is reached from this machine alone.
        port: to listen at, 0 for any; None for 8080, or another where that is taken.
        control: whether a browser with the token may steer them.
        show: whether to open a browser.
        say: is told where the page is.

    Raises:
        StoreError: if a store cannot be read.
        ProblemError: if the address cannot be listened at.
    """
    with ExitStack() as stack:
        # Thousands of trials stay, and to go through them whenever a page was drawn would take a
        # third of the time; so cycles, of which there are few, are looked for less often.
        stack.callback(gc.set_threshold, *gc.get_threshold())
        gc.set_threshold(_YOUNG)
        feeds = [
            stack.enter_context(closing(open_feed(each, control=control))) for each in locations
        ]
        token = secrets.token_urlsafe(24) if control else ""
        app = make_app(
            Site(feeds, control=control), token=token, names=(host, socket.gethostname())
        )
        listening = stack.enter_context(closing(listen(host, port)))
        address = _address(host, listening.getsockname()[1])
        if not is_loopback(host):
            say("Whoever reaches this machine over the network can read these studies.")
        url = f"{address}#token={token}" if token else address
        say(f"The dashboard is at {url}  (Ctrl-C ends it)")
        if show:
            Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=1, lifespan="off"
        )
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])


def open_feed(location: str, *, control: bool = False) -> Feed:
    """The study at a location; its store is opened to be read alone if it is not to be steered.

    Raises:
        StoreError: if it cannot be read.
        SpaceError: if its space is none that archbo knows.
    """
    store = Store.open(location, create=False, read_only=not control)
    try:
        return Feed(store, store.study(), study_name(location), location)
    except BaseException:
        store.close()
        raise


def listen(host: str, port: int | None) -> socket.socket:
    """A socket that listens.

    Raises:
        ProblemError: if it cannot.
    """
    try:
        return _bound(host, USUAL_PORT if port is None else port)
    except OSError as error:
        if port is None:
            with suppress(OSError):
                return _bound(host, 0)
        raise ProblemError(
            f"cannot listen at {host}, port {port}: {error.strerror}",
            path="dashboard",
            hint="Name another: --port 0 takes any that is free.",
        ) from error


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # where it would let two programs have one port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(128)
    except BaseException:
        made.close()
        raise
    return made


def _address(host: str, port: int) -> str:
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"
