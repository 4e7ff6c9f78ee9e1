"""A database's password: in no error, no traceback, nowhere on the screen, in no page."""

import subprocess
import sys
import traceback
from contextlib import suppress

import pytest

import archbo as ab
from archbo.errors import ArchboError, StoreError
from archbo.store import Store
from archbo.store.urls import parse_url, redacted, shown_location
from archbo.views.infos import study_name

PLAIN = "hush-Hush"
ODD = "p%40s s/w:rd?é"
URLS = [
    f"postgresql://me:{PLAIN}@127.0.0.1:1/digits",
    f"postgresql+psycopg://me:{PLAIN}@127.0.0.1:1/digits",
    f"postgresql://me@127.0.0.1:1/digits?password={PLAIN}",
    f"postgresql://127.0.0.1:1/digits?user=me&password={PLAIN}&connect_timeout=2",
    f"postgresql://me@127.0.0.1:1/digits?sslpassword={PLAIN}&nonsense=1",
    f"postgresql://me@127.0.0.1:1/digits?options=-cpassword%3D{PLAIN}",
    f"postgresql://me:{PLAIN}@127.0.0.1:port/digits",
    f"postgresql://me:{PLAIN}@127.0.0.1:1",
    f"nosuch://me:{PLAIN}@127.0.0.1/digits",
    f"://me:{PLAIN}@",
    f"oracle+oracledb://me:{PLAIN}@127.0.0.1/digits?wallet_password={PLAIN}",
]


@pytest.mark.parametrize("url", URLS)
def test_no_error_and_no_traceback_has_the_password(url):
    with pytest.raises(ArchboError) as caught:
        Store.open(url)
    whole = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    told = [line for line in whole.splitlines() if "Store.open(url)" not in line]
    assert PLAIN not in "\n".join(told)
    assert PLAIN not in shown_location(url)
    with suppress(StoreError):
        assert PLAIN not in study_name(url)


@pytest.mark.parametrize("command", [["show"], ["report"], ["replay"], ["confirm"], ["export"]])
def test_no_command_says_the_password(command, tmp_path):
    url = URLS[3]
    done = subprocess.run(
        [sys.executable, "-c", "from archbo.cli.main import main; main()", *command, url],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "127.0.0.1" in done.stderr
    assert PLAIN not in done.stdout + done.stderr


@pytest.mark.parametrize("spelt", ["p%2540s%20s%2Fw%3Ard%3F%C3%A9", "p%2540s+s%2Fw%3Ard%3F%C3%A9"])
def test_a_drivers_error_has_the_password_in_no_spelling(spelt):
    url = parse_url(f"postgresql://me@host/digits?password={spelt}")
    assert url.query["password"] == ODD
    error = f"no such option in password='{ODD}' of postgresql://me:{spelt}@host"
    assert redacted(error, url) == "no such option in password='***' of postgresql://me:***@host"


def test_a_study_stores_and_shows_its_url_without_the_password(tmp_path):
    url = f"sqlite:///{tmp_path}/study.db?password={PLAIN}"
    with suppress(ArchboError), ab.Study(url, ab.Space(x=ab.Bool()), maximize="a") as study:
        assert PLAIN not in repr(study) + str(study.store.settings)
