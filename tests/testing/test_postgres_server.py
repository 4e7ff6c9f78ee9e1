import psycopg
import pytest

from archbo.errors import StoreError
from archbo.testing import postgres


def test_each_database_is_new_and_is_dropped_whoever_uses_it(postgres_server):
    with postgres_server.database() as one, postgres_server.database() as other:
        assert one != other
        with psycopg.connect(one) as connection:
            connection.execute("CREATE TABLE trials (id INTEGER)")
        with psycopg.connect(other) as connection:
            assert connection.execute("SELECT to_regclass('trials')").fetchone() == (None,)
        connected = psycopg.connect(one)
    with pytest.raises(psycopg.OperationalError, match="terminating connection"):
        connected.execute("SELECT 1")
    connected.close()
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(one)


@pytest.mark.parametrize("at_once", [False, True])
def test_a_server_keeps_what_was_committed_when_it_stops(postgres_server, at_once):
    with postgres_server.database() as url:
        connected = psycopg.connect(url, autocommit=True)
        connected.execute("CREATE TABLE trials (id INTEGER)")
        postgres_server.stop(at_once=at_once)
        try:
            assert not postgres_server.running
            with pytest.raises(psycopg.OperationalError, match="connection"):
                connected.execute("SELECT 1")
            with pytest.raises(psycopg.OperationalError, match="connection to server"):
                psycopg.connect(url)
        finally:
            connected.close()
            postgres_server.start()
        with psycopg.connect(url) as again:
            assert again.execute("SELECT count(*) FROM trials").fetchone() == (0,)


def test_a_server_that_cannot_start_says_what_it_said(postgres_server):
    with pytest.raises(StoreError, match=r"pg_ctl failed: .*another server might be running"):
        postgres_server.start()


def test_where_it_is_not_installed_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "_INSTALLED", tmp_path)
    assert postgres.binaries() is None
    with (
        pytest.raises(StoreError, match=r"not installed.*apt-get install postgresql"),
        postgres.serving(),
    ):
        pass
