"""A network as Python source that needs PyTorch alone."""

from __future__ import annotations

import ast
import copy
from textwrap import wrap

from torch import nn

from archbo.torch.source.classes import Written, classes
from archbo.torch.source.layout import WIDTH, statements

__all__ = ["write"]

_WEIGHTS = 'WEIGHTS = Path(__file__).with_suffix(".pt")\n'

_LOAD = '''\
def load(weights=WEIGHTS):
    """The network with its trained weights, for inference; `.train()` to train on."""
    network = Network()
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return network.eval()
'''


def write(network: nn.Module, about: str, *, weights: bool) -> tuple[str, tuple[str, ...]]:
    """A module with a class `Network`, whose state dict has the keys of the network's.

    Args:
        network: is not changed.
        about: the text of the module's docstring.
        weights: whether a function `load` reads them from the file beside, of the same name.

    Returns:
        The source; the tensors whose numbers are not in it and come with the weights alone.

    Raises:
        ExportError: if a module cannot be written, naming its path.
    """
    # tracing leaves constants in modules
    found = classes(copy.deepcopy(network))
    blocks = [_class(written) for written in found.written]
    needed = {pair for w in found.written if w.forward for pair in w.forward.imports}
    used = {name for written in found.written for name in _names(written)}
    for name, home in (("OrderedDict", "collections"), ("torch", ""), ("nn", "torch")):
        if name in used:
            needed.add((home, name) if home else (name, ""))
    if weights:
        needed |= {("torch", ""), ("pathlib", "Path")}
        blocks.append(_LOAD)
    head = [_docstring(about, 0), _imports(needed), *[_WEIGHTS] * weights]
    return "\n\n".join(["\n".join(head), *blocks]), found.unknown


def _names(written: Written) -> set[str]:
    """What a class reads, its base included."""
    body = [] if written.forward is None else written.forward.body
    nodes = [node for statement in (*written.init, *body) for node in ast.walk(statement)]
    return {"nn", *(node.id for node in nodes if isinstance(node, ast.Name))}


def _class(written: Written) -> str:
    lines = [f"class {written.name}({written.base}):"]
    if written.about:
        lines += [_docstring(written.about, 4)]
    sizes = "".join(f", {size}" for size in written.sizes)
    lines += [f"    def __init__(self{sizes}):", *statements(written.init, 8)]
    if written.forward is not None:
        lines += ["", f"    def forward({', '.join(('self', *written.forward.arguments))}):"]
        lines += statements(written.forward.body, 8)
    return "\n".join(lines) + "\n"


def _docstring(about: str, indent: int) -> str:
    """A docstring and a blank line; long paragraphs of one line are wrapped."""
    margin = " " * indent
    safe = about.replace("\\", "\\\\").replace('"""', "'''")
    lines = [w for line in safe.splitlines() for w in wrap(line, WIDTH - indent - 6) or [""]]
    if len(lines) > 1 or lines[0].endswith('"'):
        lines.append("")
    shown = "\n".join(f"{margin}{line}".rstrip() for line in lines).lstrip()
    return f'{margin}"""{shown}{margin if len(lines) > 1 else ""}"""\n'


def _imports(needed: set[tuple[str, str]]) -> str:
    """Sorted as isort does: the standard library's, then PyTorch's and others'."""
    groups: list[list[str]] = [[], []]
    for module, name in sorted(needed, key=lambda pair: (bool(pair[1]), pair)):
        line = f"from {module} import {name}" if name else f"import {module}"
        groups[module.partition(".")[0] not in ("collections", "math", "pathlib")].append(line)
    return "\n\n".join("\n".join(group) for group in groups if group) + "\n"
