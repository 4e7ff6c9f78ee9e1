"""Takes the pictures of the dashboard that the pages show, from a search that was run.

    archbo run examples/digits.py
    python docs/screenshots.py digits.db

Needs playwright and Chromium. The pictures go to docs/images/dashboard/.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import FloatRect, Page, sync_playwright

PICTURES = Path(__file__).parent / "images" / "dashboard"
CHROMIUM = "/usr/bin/chromium"
SERVE = "from archbo.cli.main import main; main()"
WIDTH = 900
ROWS = 330  # of the list of trials: its first rows
PANELS = ["calibration", "curves", "map"]


@contextmanager
def dashboard(store: str) -> Iterator[str]:
    """The address of a dashboard that serves a study meanwhile."""
    command = [sys.executable, "-c", SERVE, "dashboard", store, "--port", "0", "--no-open"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            line = next(line for line in server.stdout if "http://" in line)
            yield re.sub(r".*(http://\S+?)/?\s.*", r"\1", line, flags=re.DOTALL)
        finally:
            server.terminate()


def box(page: Page, part: str) -> FloatRect:
    """Where a part of the page is, with some ground around it."""
    found = page.locator(f"#part-{part} > *").first.bounding_box()
    assert found is not None, part
    return {"x": 0, "y": found["y"] - 8, "width": WIDTH, "height": found["height"] + 16}


def take(page: Page, address: str) -> None:
    """All pictures."""

    def shoot(name: str, clip: FloatRect) -> None:
        page.screenshot(path=PICTURES / f"{name}.png", full_page=True, clip=clip)

    page.goto(address)
    page.locator("#live.on").wait_for()
    search = box(page, "search")
    shoot("search", {"x": 0, "y": 0, "width": WIDTH, "height": search["y"] + search["height"]})
    for part in PANELS:
        shoot(part, box(page, part))
    shoot("trials", {**box(page, "list"), "height": ROWS})
    page.locator("#part-head a").first.click()
    page.locator("#part-similar").wait_for()
    similar = box(page, "similar")
    shoot("trial", {"x": 0, "y": 0, "width": WIDTH, "height": similar["y"] + similar["height"]})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="of the search, such as digits.db")
    with dashboard(parser.parse_args().store) as address, sync_playwright() as playwright:
        PICTURES.mkdir(parents=True, exist_ok=True)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        take(browser.new_page(viewport={"width": WIDTH, "height": 700}), address)
        browser.close()
