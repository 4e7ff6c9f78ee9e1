"""Architectures as PyTorch modules: building them, their cost, whether they run, taking them away.

Needs PyTorch: `pip install 'archbo[torch]'`.
"""

from archbo.errors import MissingExtraError

try:
    import torch as _torch  # noqa: F401 - the rest of the room needs it
except ImportError as error:
    raise MissingExtraError(
        "archbo.torch needs PyTorch", hint="pip install 'archbo[torch]'"
    ) from error

from archbo.torch.build import build, cell
from archbo.torch.check import check
from archbo.torch.cost import Cost, cost
from archbo.torch.export import Exported, export
from archbo.torch.operations import OPERATIONS, Operations

__all__ = [
    "OPERATIONS",
    "Cost",
    "Exported",
    "Operations",
    "build",
    "cell",
    "check",
    "cost",
    "export",
]
