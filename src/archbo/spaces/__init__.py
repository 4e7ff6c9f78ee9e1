"""What can be built: spaces, their compiled form, moves, architectures."""

from archbo.spaces.architecture import Architecture
from archbo.spaces.cells import Cell, NodeCell
from archbo.spaces.compiled import CompiledSpace, Rows
from archbo.spaces.decisions import Bool, Choice
from archbo.spaces.edge_cells import EdgeCell
from archbo.spaces.grammar import Grammar
from archbo.spaces.numbers import Float, Int
from archbo.spaces.part import Part
from archbo.spaces.pool import Pool
from archbo.spaces.serial import from_dict
from archbo.spaces.space import Chain, Space

__all__ = [
    "Architecture",
    "Bool",
    "Cell",
    "Chain",
    "Choice",
    "CompiledSpace",
    "EdgeCell",
    "Float",
    "Grammar",
    "Int",
    "NodeCell",
    "Part",
    "Pool",
    "Rows",
    "Space",
    "from_dict",
]
