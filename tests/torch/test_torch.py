"""The room loads PyTorch, archbo itself does not."""

import subprocess
import sys

import archbo as ab


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_importing_archbo_does_not_load_torch():
    assert run("import sys, archbo; print('torch' in sys.modules)") == "False"


def test_without_torch_the_error_says_what_to_install():
    code = """
import sys
sys.modules["torch"] = None  # as if it were not installed
import archbo as ab
try:
    ab.torch
except ab.ArchboError as error:
    print(type(error).__name__, error)
"""
    expected = "MissingExtraError archbo.torch needs PyTorch. pip install 'archbo[torch]'"
    assert run(code) == expected


def test_public_names_are_there():
    assert all(hasattr(ab.torch, name) for name in ab.torch.__all__)
