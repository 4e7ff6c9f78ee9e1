"""What a search has learned: which decisions matter, which options and motifs help, and why."""

from archbo.explain.comparison import Comparison, Difference
from archbo.explain.effects import OptionEffect
from archbo.explain.explanation import Explanation, explain
from archbo.explain.importance import Importance, Interaction
from archbo.explain.motifs import Motif
from archbo.explain.removal import Removable

__all__ = [
    "Comparison",
    "Difference",
    "Explanation",
    "Importance",
    "Interaction",
    "Motif",
    "OptionEffect",
    "Removable",
    "explain",
]
