"""`onethread demo`: stand-ins, an ordinary app.yaml, the real bot as a child process, and a page; see docs/demo.md."""

from .run import run_demo

__all__ = ["run_demo"]
