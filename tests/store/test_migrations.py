import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from archbo.errors import SchemaError
from archbo.store import Store, migrations
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


def test_the_schema_of_a_newer_archbo_says_to_upgrade(tmp_path):
    file = tmp_path / "digits.db"
    Store.open(file).close()
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE archbo_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(SchemaError, match=r"digits\.db: its schema '9999' is newer .*Upgrade"):
        Store.open(file)
