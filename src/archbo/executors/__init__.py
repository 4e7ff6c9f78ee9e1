"""Where trainings run, behind one protocol: this process, processes of their own, a cluster."""

from archbo.executors.base import Executor, Launcher
from archbo.executors.inline import InlineExecutor
from archbo.executors.processes import ProcessExecutor
from archbo.executors.ray import Ray, RayExecutor

__all__ = ["Executor", "InlineExecutor", "Launcher", "ProcessExecutor", "Ray", "RayExecutor"]
