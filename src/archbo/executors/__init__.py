"""Where trainings run, behind one protocol: in this process, or in processes of their own."""

from archbo.executors.base import Executor
from archbo.executors.inline import InlineExecutor
from archbo.executors.processes import ProcessExecutor

__all__ = ["Executor", "InlineExecutor", "ProcessExecutor"]
