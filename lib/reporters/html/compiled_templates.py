"""Where the pages' templates lie compiled: a run that compiles them anew spends most of its last second on it."""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import version

from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket

from lib.core.environment import BYTE_CODE


class CompiledTemplates(FileSystemBytecodeCache):
    """Templates compiled once a checkout, beside its modules; each is known by its text. Where none can be kept, none is.

    A release of Jinja has a folder of its own: what it compiles is for itself.
    """

    def __init__(self) -> None:
        folder = BYTE_CODE / f"jinja2-{version('jinja2')}"
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
        super().__init__(str(folder))

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take in what is kept of a template."""
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template that was compiled just now."""
        with suppress(OSError):
            super().dump_bytecode(bucket)
