"""The dashboard as a web application: pages, what changes of them, and requests.

Nothing that a study contains runs in a page: all of it is escaped, and the policy lets no script
run but the dashboard's own file. A name that somebody else's server resolves to this machine is
refused, so that no other page can read the studies; requests also need the page's own origin and a
token.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from hmac import compare_digest
from html import escape
from importlib.resources import files
from ipaddress import ip_address
from urllib.parse import urlsplit

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from archbo.errors import ArchboError
from archbo.views.dashboard import control
from archbo.views.dashboard.pages import Missing, Page, Site, changed, digests, frame
from archbo.views.infos import one_line

LIVE_SECONDS = 1.0  # between two looks at what has changed
SHARE = 4.0  # times as long as drawing took is rested
QUIET_SECONDS = 15.0  # without a change a sign of life is sent
MOST_STREAMS = 64

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    # the drawings of architectures set their width so
    "style-src-attr 'unsafe-inline'; img-src data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_ASSETS = {
    "/chart.css": ("archbo.views", "chart.css", "text/css"),
    "/report.css": ("archbo.views", "report.css", "text/css"),
    "/dashboard.css": ("archbo.views.dashboard", "dashboard.css", "text/css"),
    "/dashboard.js": ("archbo.views.dashboard", "dashboard.js", "text/javascript"),
}


def make_app(site: Site, *, token: str = "", names: tuple[str, ...] = ()) -> Starlette:
    """The application for some studies.

    Args:
        site: the studies.
        token: what a browser must know to steer them; without one nobody can.
        names: of this machine, under which pages may be asked for beside its addresses.
    """
    served = _Served(site, token)
    routes = [Route(path, _asset(*where)) for path, where in _ASSETS.items()]
    routes += [
        Route("/events/{path:path}", served.events),
        Route("/parts/{path:path}", served.parts),
        Route("/studies/{study:int}/tips/{trial:int}", served.tip),
        Route("/studies/{study:int}/requests", served.ask, methods=["POST"]),
        Route("/{path:path}", served.page),
    ]
    guard = Middleware(_Guard, names=frozenset(name.lower() for name in names))
    handlers = {Missing: _missing, ArchboError: _broken}
    return Starlette(routes=routes, middleware=[guard], exception_handlers=handlers)


class _Served:
    """The answers to what browsers ask."""

    def __init__(self, site: Site, token: str) -> None:
        self._site = site
        self._token = token
        self._streams = 0

    def page(self, request: Request) -> Response:
        """A whole page."""
        return HTMLResponse(frame(self._asked(request), self._site))

    def parts(self, request: Request) -> Response:
        """What a browser lacks of a page."""
        have = request.query_params.get("have", "")
        return JSONResponse(changed(self._asked(request), have))

    async def events(self, request: Request) -> Response:
        """The same again and again, as server-sent events."""
        if self._streams >= MOST_STREAMS:
            return PlainTextResponse("Too many pages are open.", 503)
        await run_in_threadpool(self._asked, request)  # an address that is none is an error
        headers = {"x-accel-buffering": "no"}
        return StreamingResponse(
            self._stream(request), media_type="text/event-stream", headers=headers
        )

    async def _stream(self, request: Request) -> AsyncIterator[str]:
        self._streams += 1
        try:
            have, quiet = request.query_params.get("have", ""), 0.0
            yield "retry: 2000\n\n"
            while True:
                began = time.monotonic()
                try:
                    page = await run_in_threadpool(self._asked, request)
                except (Missing, ArchboError):  # the browser asks again, and is told why
                    return
                news = changed(page, have)
                have = digests(page)
                took = time.monotonic() - began
                quiet = 0.0 if news else quiet + LIVE_SECONDS
                if news:
                    yield f"data: {json.dumps(news)}\n\n"
                elif quiet >= QUIET_SECONDS:
                    quiet = 0.0
                    yield ": here\n\n"
                await anyio.sleep(max(LIVE_SECONDS, SHARE * took))
        finally:
            self._streams -= 1

    def tip(self, request: Request) -> Response:
        """A trial's architecture in a line."""
        page = f"/studies/{request.path_params['study']}"
        self._site.page(page, {})
        snapshot = self._site.studies[request.path_params["study"]].feed.snapshot()
        record = snapshot.by_number.get(request.path_params["trial"])
        if record is None:
            raise Missing("There is no such trial.")
        return PlainTextResponse(one_line(snapshot.architecture(record)))

    async def ask(self, request: Request) -> Response:
        """Write a request to a study."""
        refused = self._refusal(request.headers)
        if refused:
            return PlainTextResponse(refused, 403)
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > control.LONGEST_BODY:
                return PlainTextResponse("The request is too long.", 413)
        return await run_in_threadpool(self._ask, request.path_params["study"], body)

    def _ask(self, study: int, body: bytes) -> Response:
        if study >= len(self._site.studies):
            raise Missing("There is no such study.")
        watched = self._site.studies[study]
        if watched.requests is None:
            return PlainTextResponse("This dashboard only shows.", 403)
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return PlainTextResponse("The request is no JSON.", 400)
        try:
            words = control.obey(watched.feed.stored, watched.feed.snapshot(), document)
        except ValueError as error:
            return PlainTextResponse(str(error), 422)
        watched.feed.refresh()
        return PlainTextResponse(words)

    def _refusal(self, headers: Headers) -> str:
        """Why a request is not taken; empty if it is."""
        if not self._site.control or not self._token:
            return "This dashboard only shows; start it with --control to steer."
        origin = urlsplit(headers.get("origin", ""))
        if origin.scheme not in ("http", "https") or origin.netloc != headers.get("host"):
            return "The request comes from another page."
        if not compare_digest(headers.get("x-archbo-token", "").encode(), self._token.encode()):
            return "The token is another one; open the address that the terminal shows."
        return ""

    def _asked(self, request: Request) -> Page:
        query = request.query_params
        plain: Mapping[str, str] = {
            name: query[name] for name in ("filter", "sort", "page") if name in query
        }
        return self._site.page("/" + request.path_params["path"], plain, query.getlist("trial")[:3])


class _Guard:
    """Refuses hosts that are not this machine's, and gives every answer its headers."""

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        if not trusted(Headers(scope=scope).get("host", ""), self._names):
            words = "This name is not known to be this machine's. Use its address, or --host."
            await PlainTextResponse(words, 421)(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)


def trusted(host: str, names: frozenset[str] = frozenset()) -> bool:
    """Whether a page may be asked for under this host: an address, localhost, or a known name.

    A server elsewhere can have a name of its own mean this machine, but no address.

    >>> trusted("127.0.0.1:8080"), trusted("[::1]"), trusted("localhost:1"), trusted("evil.test")
    (True, True, True, False)
    """
    name = urlsplit(f"//{host}").hostname if _plain_host(host) else None
    if name is None:
        return False
    try:
        ip_address(name)
    except ValueError:
        return name == "localhost" or name in names
    return True


def _plain_host(host: str) -> bool:
    return bool(host) and all(c.isalnum() or c in "-._:[]" for c in host) and host.isascii()


def _asset(package: str, name: str, kind: str) -> Response:
    text = (files(package) / name).read_text(encoding="utf-8")
    return Response(text, media_type=kind)


def _missing(_: Request, error: Exception) -> Response:
    return HTMLResponse(_plain_page(str(error)), 404)


def _broken(_: Request, error: Exception) -> Response:
    return HTMLResponse(_plain_page(str(error)), 500)


def _plain_page(words: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>archbo</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/chart.css"><link rel="stylesheet" href="/report.css">'
        "</head><body><main>"
        f'<p class="lead">{escape(words)}</p><p><a href="/">To the studies</a></p>'
        "</main></body></html>"
    )
