import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from archbo.data import Proposal
from archbo.errors import SchemaError
from archbo.spaces import Int, Space
from archbo.store import NewTrial, Store, migrations
from archbo.store.schema import metadata


@pytest.fixture
def connection():
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_the_migrations_build_the_tables_of_the_schema(connection):
    migrations.upgrade(connection, "memory")
    context = MigrationContext.configure(
        connection, opts={"version_table": migrations.VERSION_TABLE}
    )
    assert compare_metadata(context, metadata) == []


def test_the_newest_migration_is_the_one_expected():
    scripts = ScriptDirectory(migrations.__path__[0])
    assert scripts.get_heads() == [migrations.HEAD]


def test_a_second_upgrade_changes_nothing(connection):
    assert migrations.current(connection) is None
    migrations.upgrade(connection, "memory")
    migrations.upgrade(connection, "memory")
    assert migrations.current(connection) == migrations.HEAD


def test_a_store_of_the_first_schema_opens_with_its_trials(tmp_path):
    """One trial was cut in its second attempt, another has finished."""
    file = tmp_path / "digits.db"
    with Store.open(file) as store:
        study = store.create_study({"seed": 0})
        arch = Space(a=Int(1, 3)).architecture({"a": 2})
        study.add_trials([NewTrial(Proposal(arch, "model"))] * 2)
        study.add_report(0, 1, 0.25)
        study.finish(1, 0.75, seconds=2)
        study.retry(0)
        study.add_report(0, 1, 0.5)
        stored = study.read()
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE requests"))
        connection.execute(text("DROP TABLE drivers"))
        connection.execute(text("DROP INDEX ix_trials_study_id_version"))
        for name in ("fidelity", "reached", "interim", "progress", "deleted", "was"):
            connection.execute(text(f"ALTER TABLE trials DROP COLUMN {name}"))
        connection.execute(text("INSERT INTO reports VALUES (1, 1, 1, 0.25)"))
        connection.execute(text("UPDATE archbo_version SET version_num = '0001'"))
    engine.dispose()
    with Store.open(file) as store:
        assert store.study().read() == stored


def test_the_schema_of_a_newer_archbo_says_to_upgrade(tmp_path):
    file = tmp_path / "digits.db"
    Store.open(file).close()
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE archbo_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(SchemaError, match=r"digits\.db: its schema '9999' is newer .*Upgrade"):
        Store.open(file)
