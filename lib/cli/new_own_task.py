"""`make new-task PACK=../project NAME=...`: a launch task of the project's own, as one working example in launch/tasks/."""

from __future__ import annotations

import json
import keyword
import os
import sys
from pathlib import Path

from lib.cli.new_task import fill, notebook_text
from lib.core.errors import ParamsError
from lib.core.files import write_whole
from lib.core.make_commands import make_command
from lib.core.visible import plain_line, say
from lib.run.own_tasks import CONTRACT, FOLDER, LONGEST_NAME, is_name


def new_own_task(name: str, *, pack: Path) -> int:
    """Write the task into the project, print each file, and return the exit code 0.

    Raises ParamsError when there is no such project, or the name can't be a task's or is taken.
    """
    if not pack.is_dir():
        raise ParamsError(f"PACK={pack}: there is no such folder. Fix: Pass the project's checkout.")
    if not is_name(name) or keyword.iskeyword(name) or name in sys.stdlib_module_names:
        raise ParamsError(
            f"NAME={name}: a task's name is lower-case words joined by _, {LONGEST_NAME} characters at most, none of the "
            "workbook's own and no word of Python's. Fix: Name one such as NAME=cdn_cache."
        )
    folder = pack / FOLDER / name
    if os.path.lexists(folder):
        raise ParamsError(f"NAME={name}: {FOLDER}/{name} is there already. Fix: Choose another name.")
    words = {"name": name, "title": name.replace("_", " ").capitalize()}
    files = {
        CONTRACT: fill("own/task.yaml", words),
        "looks.py": fill("own/looks.py", words),
        f"{name}.ipynb": notebook_text(name, json.loads(fill("own/notebook.json", words))),
    }
    for file, text in files.items():
        write_whole(folder / file, text)
        say(plain_line(f"wrote {FOLDER}/{name}/{file}"))
    command = make_command("readiness", ENV="local", ONLY=name, PACK=str(pack))
    say(plain_line(f"Next: change looks.py to look at what matters, then `{command}`."))
    return 0
