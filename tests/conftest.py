"""What all tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("archbo", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("archbo")


@pytest.fixture(scope="session")
def recorded_trainings() -> Path:
    """The folder of recorded trainings."""
    folder = os.environ.get("ARCHBO_DATA")
    if not folder:
        pytest.skip("needs recorded trainings: set ARCHBO_DATA to their folder")
    return Path(folder)
