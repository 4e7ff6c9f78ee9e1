"""What all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from archbo.testing.postgres import Server, binaries, serving

settings.register_profile("archbo", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("archbo")


@pytest.fixture(scope="session")
def recorded_trainings() -> Path:
    """The folder of recorded trainings."""
    folder = os.environ.get("ARCHBO_DATA")
    if not folder:
        pytest.skip("needs recorded trainings: set ARCHBO_DATA to their folder")
    return Path(folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A PostgreSQL server of this process's tests alone."""
    if binaries() is None:
        pytest.skip("needs a PostgreSQL server: on Debian, apt-get install postgresql")
    with serving(durable=False) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, which is dropped after the test."""
    with postgres_server.database() as url:
        yield url
