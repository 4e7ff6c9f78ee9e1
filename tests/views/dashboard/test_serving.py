import pytest

from archbo.errors import ProblemError
from archbo.views.dashboard import serving


def test_a_port_that_is_taken_is_an_error_and_the_usual_one_gives_way_to_another():
    with serving.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ProblemError, match=rf"cannot listen at 127\.0\.0\.1, port {port}.*--port 0"
        ):
            serving.listen("127.0.0.1", port)
    with serving.listen("127.0.0.1", None) as first, serving.listen("127.0.0.1", None) as second:
        assert first.getsockname() != second.getsockname()


def test_an_address_that_is_not_this_machines_is_an_error():
    with pytest.raises(ProblemError, match=r"cannot listen at 192\.0\.2\.1, port 0"):
        serving.listen("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("host", "alone"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("lab", False)],
)
def test_the_loopback_is_told_from_the_network(host, alone):
    assert serving.is_loopback(host) is alone
