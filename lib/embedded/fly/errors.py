"""What ends a command of flyctl's otherwise than well."""

from __future__ import annotations


class CommandError(Exception):
    """What flyctl says of a command that did not succeed; exit_code as flyctl's."""

    exit_code = 1
