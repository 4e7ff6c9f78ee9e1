"""Before any training: the size of a space, what its members cost, whether its networks run."""

from archbo.checks.check import Subject, check
from archbo.checks.results import CheckResult

__all__ = ["CheckResult", "Subject", "check"]
