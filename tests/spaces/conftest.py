"""What the tests of spaces share."""

import pytest


@pytest.fixture
def wrong_types(request):
    """Skips where the test run itself checks types, before the space can."""
    if request.config.getoption("jaxtyping_packages", None):
        pytest.skip("types are checked by the test run")
