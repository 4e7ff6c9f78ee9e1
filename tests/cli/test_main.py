import subprocess
import sys

import pytest
from typer.testing import CliRunner

from archbo.cli.main import app

COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands]


def invoke(*arguments):
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "100", "TERM": "dumb"})


def test_help_lists_every_command():
    said = invoke("--help").output
    expected = [
        "run",
        "check",
        "show",
        "report",
        "replay",
        "confirm",
        "import",
        "export",
        "bench",
        "dashboard",
        "delete",
    ]
    assert sorted(COMMANDS) == sorted(expected)
    assert all(f" {name} " in said for name in COMMANDS)
    assert "130 stopped by Ctrl-C" in " ".join(said.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert f"Example: archbo {command} " in " ".join(result.output.split())


def test_version_is_the_packages():
    import archbo

    assert invoke("--version").output.strip() == f"archbo {archbo.__version__}"


@pytest.mark.parametrize(
    "arguments",
    [
        ["rnu"],
        ["show"],
        ["show", "x.db", "--log"],
        ["run", "x.py", "--trials", "0"],
        ["run", "x.py", "--workers", "many"],
        ["run", "x.py", "--env", "NAME"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments):
    assert invoke(*arguments).exit_code == 2


def test_help_loads_nothing_heavy():
    program = (
        "import sys\nsys.argv = ['archbo', 'run', '--help']\n"
        "from archbo.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'scipy', 'sqlalchemy', 'torch', 'pandas', 'archbo.study'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "heavy: []"
