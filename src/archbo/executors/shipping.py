"""A training function and its space as bytes that another machine can load.

The program's own code travels with them, by value: the function, what it refers to, and the modules
beside the program that it refers to. So the other machine needs neither the program's files nor its
folder, and a program that changes meanwhile is no danger. Installed packages are imported there.
"""

from __future__ import annotations

import pickle
import site
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from archbo.errors import MissingExtraError, ProgramError
from archbo.spaces import Part
from archbo.training import Train

EXTRA = "pip install 'archbo[ray]'"


def pack(train: Train, space: Part) -> bytes:
    """The function and the space, with the program's own code.

    Raises:
        ProgramError: if something that they refer to cannot be sent.
        MissingExtraError: if cloudpickle is not installed.
    """
    try:
        import cloudpickle
    except ImportError as error:
        raise MissingExtraError("sending a program needs cloudpickle", hint=EXTRA) from error
    with _by_value(cloudpickle, _own_modules(train)):
        try:
            return bytes(cloudpickle.dumps((train, space)))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ProgramError(
                f"train cannot be sent to another machine: {error}",
                hint="Open files, locks and the like inside it.",
            ) from error


def unpacked(payload: bytes) -> tuple[Train, Part]:
    """Stand-ins for what was packed, for another pickle: it loads them only where it is loaded."""
    return cast(Train, _Packed(payload, 0)), cast(Part, _Packed(payload, 1))


class _Packed:
    """One of the packed objects, not loaded yet."""

    def __init__(self, payload: bytes, index: int) -> None:
        self._payload = payload
        self._index = index

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[bytes, int]]:
        return _load, (self._payload, self._index)


def _load(payload: bytes, index: int) -> Any:
    return _load_all(payload)[index]


@cache  # the objects share what they refer to
def _load_all(payload: bytes) -> tuple[Any, ...]:
    loaded: tuple[Any, ...] = pickle.loads(payload)
    return loaded


@contextmanager
def _by_value(cloudpickle: Any, modules: list[ModuleType]) -> Iterator[None]:
    """Inside, cloudpickle writes these modules out instead of naming them."""
    known = cloudpickle.list_registry_pickle_by_value()
    added = [module for module in modules if module.__name__ not in known]
    for module in added:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in added:
            cloudpickle.unregister_pickle_by_value(module)


def _own_modules(train: Train) -> list[ModuleType]:
    """The loaded modules that lie beside the program or the function, and are not installed."""
    folders = [_folder_of("__main__"), _folder_of(getattr(train, "__module__", "__main__"))]
    installed = [Path(path) for path in (*sysconfig.get_paths().values(), *_site_packages())]
    own = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not file or name in ("__main__", "__mp_main__") or name.partition(".")[0] == "archbo":
            continue  # main is always written out; archbo's own classes must be those over there
        inside = [folder for folder in folders if folder and Path(file).is_relative_to(folder)]
        if inside and not any(Path(file).is_relative_to(folder) for folder in installed):
            own.append(module)
    return own


def _folder_of(name: str) -> Path | None:
    """The folder from which a module, or the package it belongs to, was imported."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:  # a notebook, or python -c
        return Path.cwd() if name == "__main__" else None
    path = Path(file).absolute()
    return path.parents[name.count(".") + (path.stem == "__init__")]


def _site_packages() -> list[str]:
    return [*site.getsitepackages(), site.getusersitepackages()]
