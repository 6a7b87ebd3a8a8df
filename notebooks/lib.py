"""Stands for the workbook's package `lib` in notebooks that are opened with whatever kernel, from wherever: it leads to ../lib.

A kernel of .venv, such as `make lab` starts, needs it not. Any other finds `lib` by it, and says what is wrong with itself.
Written so that an old Python can read it.
"""

import importlib.util
import os
import sys

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_NEEDED = ("pydantic", "psycopg", "sqlalchemy", "yaml", "psutil", "httpx", "nbformat")
__path__ = [os.path.join(_ROOT, "lib")]


class WrongKernel(ImportError):
    """This kernel can't run the notebook; shown as a sentence, without a traceback."""

    def _render_traceback_(self):
        return [str(self)]


def _check_kernel():
    if "ipykernel" not in sys.modules:
        return  # no notebook: a program of the workbook's own, which may need no package
    lacking = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if sys.version_info >= (3, 11) and not lacking:
        return
    seen = "Python {}.{}".format(*sys.version_info[:2]) + (" without " + lacking[0] if lacking else "")
    raise WrongKernel(
        "This notebook's kernel is {} ({}), not the workbook's.\n"
        "Fix: Choose the kernel of {} (VS Code: Select Kernel, Python Environments, .venv), or run `make lab`. "
        "If there is no .venv, run `make setup` first.".format(sys.executable, seen, os.path.join(_ROOT, ".venv", "bin", "python"))
    )


_check_kernel()
if _ROOT not in sys.path:
    sys.path.append(_ROOT)
