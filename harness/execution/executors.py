"""The executors by their names on the command line."""

from __future__ import annotations

from harness.errors import UserError
from harness.execution.processes import Executor, LocalProcesses

LOCAL, RAY = "local", "ray"


def executor_of(name: str) -> Executor:
    """``local``, ``ray`` or ``ray://HOST:PORT``.

    Raises:
        UserError: there is no such executor, Ray is not installed, or there is no such cluster.
    """
    if name == LOCAL:
        return LocalProcesses()
    if name != RAY and not name.startswith(f"{RAY}://"):
        raise UserError(f"--executor: {name!r} is none of {LOCAL}, {RAY} and {RAY}://HOST:PORT")
    try:
        from harness.execution.ray_cluster import RayCluster
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != RAY:
            raise
        raise UserError(f"--executor {name}: Ray is not installed; pip install 'scalemodel[ray]'") from None
    return RayCluster(None if name == RAY else name)
