"""`archbo dashboard`: studies as a live page."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from archbo.errors import MissingExtraError


def dashboard(
    stores: Annotated[
        list[str],
        typer.Argument(
            help="The studies' files or database URLs; several stand side by side.",
            metavar="STORE...",
            show_default=False,
        ),
    ],
    *,
    host: Annotated[
        str, typer.Option(help="The address to listen at; the default is for this machine alone.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="The port to listen at, 0 for any; 8080, or any where that is taken.",
            show_default=False,
        ),
    ] = None,
    control: Annotated[
        bool,
        typer.Option(
            "--control", help="Let the page pause, stop, enqueue, retry and delete; with a token."
        ),
    ] = False,
    show: Annotated[
        bool | None,
        typer.Option(
            "--open/--no-open",
            help="Open a browser; by default where this machine has a screen.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show studies as a live page: figures, trials, drawn architectures, what is in training.

    It reads the stores while searches run and changes nothing, unless --control lets it. Ctrl-C
    ends the page, never a search.
    """
    try:
        from archbo.views.dashboard.serving import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn", "anyio"):
            raise
        raise MissingExtraError(
            f"the dashboard needs {error.name}, which is not installed",
            hint="Install it with: pip install 'archbo[dashboard]'",
        ) from error
    from rich.text import Text

    from archbo.views.terminal import Terminal

    console = Terminal()
    serve(
        stores,
        host=host,
        port=port,
        control=control,
        show=_has_screen() if show is None else show,
        say=lambda words: console.print(Text(words), soft_wrap=True),
    )


def _has_screen() -> bool:
    """Whether a browser can be opened that somebody sees, and that does not take the terminal."""
    if not sys.stdout.isatty():
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
