"""A program's own code, loaded where neither its files nor its folder are."""

import pickle
import subprocess
import sys
import threading

import pytest

from archbo.errors import ProgramError
from archbo.executors.shipping import pack, unpacked
from archbo.testing.executors import SPACE, train

PROGRAM = """
import sys
from pathlib import Path

import layers.blocks
from nets import Net, scale
import archbo as ab
from archbo.executors.shipping import pack

space = ab.Space(depth=ab.Int(1, 9))
OFFSET = 100


def train(arch, trial):
    assert isinstance(arch, ab.Architecture)
    return OFFSET + scale(Net(arch["depth"]).size) + layers.blocks.COUNT


Path("packed").write_bytes(pack(train, space))
"""
NETS = """
class Net:
    def __init__(self, size):
        self.size = size


def scale(size):
    return 10 * size
"""
ELSEWHERE = """
import pickle
from pathlib import Path

train, space = pickle.loads(Path("packed").read_bytes())
print(train(space.architecture({"depth": 2}), None))
"""


def python(folder, *arguments):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_programs_own_modules_travel_with_it(tmp_path):
    program, elsewhere = tmp_path / "program", tmp_path / "elsewhere"
    (program / "layers").mkdir(parents=True)
    elsewhere.mkdir()
    (program / "program.py").write_text(PROGRAM)
    (program / "nets.py").write_text(NETS)
    (program / "layers" / "__init__.py").touch()
    (program / "layers" / "blocks.py").write_text("COUNT = 1")
    python(program, "program.py")
    (program / "packed").rename(elsewhere / "packed")
    (program / "nets.py").unlink()
    assert python(elsewhere, "-c", ELSEWHERE) == "121\n"


def test_installed_code_is_named_and_not_written_out():
    assert pack(train, SPACE).count(b"archbo.testing.executors") > 0
    assert b"no such layer" not in pack(train, SPACE)


def test_a_function_within_a_function_keeps_what_it_refers_to():
    kept = 5.0
    sent, space = pickle.loads(pickle.dumps(unpacked(pack(lambda arch, trial: kept, SPACE))))
    assert sent(None, None) == 5.0
    assert space.to_dict() == SPACE.to_dict()


def test_what_cannot_be_sent_is_an_error_at_once():
    lock = threading.Lock()

    def train(arch, trial):
        with lock:
            return 1.0

    with pytest.raises(
        ProgramError, match=r"train cannot be sent to another machine: cannot pickle .*lock.*Open"
    ):
        pack(train, SPACE)


def test_without_cloudpickle_the_error_names_the_command_that_installs_it():
    program = (
        "import sys\nsys.modules['cloudpickle'] = None\n"  # importing it is an ImportError now
        "from archbo.executors.shipping import pack\n"
        "try:\n    pack(None, None)\nexcept ImportError as error:\n    print(error)\n"
    )
    assert "needs cloudpickle. pip install 'archbo[ray]'" in python(None, "-c", program)
