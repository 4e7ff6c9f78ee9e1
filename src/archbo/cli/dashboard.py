"""`archbo dashboard`: studies as a live page."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from rich.text import Text

from archbo.errors import MissingExtraError
from archbo.views.terminal import Terminal


def dashboard(
    stores: Sequence[str], *, host: str, port: int | None, control: bool, show: bool | None
) -> int:
    """Show studies until Ctrl-C.

    Args:
        stores: where they are.
        host: the address to listen at.
        port: to listen at; None for the usual one.
        control: whether they can be steered.
        show: whether to open a browser; None where somebody sits in front of this machine.
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
    console = Terminal()
    serve(
        stores,
        host=host,
        port=port,
        control=control,
        show=_has_screen() if show is None else show,
        say=lambda words: console.print(Text(words), soft_wrap=True),
    )
    return 0


def _has_screen() -> bool:
    """Whether a browser can be opened that somebody sees, and that does not take the terminal."""
    if not sys.stdout.isatty():
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
