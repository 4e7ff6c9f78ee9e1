"""One search: its trials, its incumbent, its run."""

from archbo.study.study import Study

__all__ = ["Study"]
