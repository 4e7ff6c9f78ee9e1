import os
import signal
import subprocess
import sys
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

import archbo as ab
from archbo.cli.main import app

COMMAND = [sys.executable, "-c", "from archbo.cli.main import main; main()", "dashboard"]


@pytest.mark.parametrize("options", [[], ["--control"]])
def test_the_command_shows_a_study_until_ctrl_c(tmp_path, options):
    file = tmp_path / "tiny.db"
    with ab.Study(file, ab.Space(width=ab.Int(1, 9)), maximize="score", seed=0) as study:
        study.run(lambda arch, trial: arch["width"] / 9, trials=2)
    command = [*COMMAND, str(file), "--port", "0", "--no-open", *options]
    environment = os.environ | {"TERM": "dumb"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("The dashboard is at http://127.0.0.1:")
        address, _, token = said.split()[4].partition("#")
        assert token.startswith("token=") is bool(options)
        with urlopen(address, timeout=20) as answer:
            assert b"<h1>tiny</h1>" in answer.read()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_a_store_that_is_not_there_is_an_error(tmp_path):
    result = CliRunner().invoke(app, ["dashboard", str(tmp_path / "none.db"), "--no-open"])
    assert result.exit_code == 1
    assert "there is no such file" in str(result.exception)
