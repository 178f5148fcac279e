"""Runs the real bot and kills it (SIGKILL, as a crash does) at a named point: ``module:Class.method:before|after:nth``."""

from __future__ import annotations

import functools
import importlib
import inspect
import itertools
import os
import signal
import sys
from typing import Any


def arm(point: str) -> None:
    """Wraps a function so that its nth call kills the process before it begins or after it ended."""
    module_name, path, when, nth = point.split(":")
    holder: Any = importlib.import_module(module_name)
    *classes, name = path.split(".")
    for one in classes:
        holder = getattr(holder, one)
    original = getattr(holder, name)
    calls = itertools.count(1)

    def die_if(moment: str, number: int) -> None:
        if moment == when and number == int(nth):
            os.kill(os.getpid(), signal.SIGKILL)

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            number = next(calls)
            die_if("before", number)
            result = await original(*args, **kwargs)
            die_if("after", number)
            return result
    else:

        @functools.wraps(original)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            number = next(calls)
            die_if("before", number)
            result = original(*args, **kwargs)
            die_if("after", number)
            return result

    setattr(holder, name, wrapped)


if __name__ == "__main__":
    from bot.__main__ import main

    arm(os.environ["CRASH_AT"])
    sys.exit(main(["run", "--config", sys.argv[1]]))
