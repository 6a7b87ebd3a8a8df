"""Whose signatures count for a project, read from its `launch/trusted_keys/` as the judged commit has it.

What lies in the checkout and is not committed trusts nobody: whoever can write a file there is not thereby trusted. A revocation
counts as soon as it is written down.
"""

from __future__ import annotations

from pathlib import Path

from lib.clients.git_command import git, run_git
from lib.core.errors import CommandError, ParamsError
from lib.core.pack_files import decode_text, list_files, read_text_file
from lib.evidence.trust import FOLDER, TrustList, parse_trust_list

LONGEST = 16_384
"""Bytes of one file."""
GIT_TIMEOUT_S = 10


def read_trusted_keys(pack: Path) -> TrustList:
    """Return the keys that the project's judged commit names; outside version control, those that its files name.

    Raises ParamsError with one line for each thing wrong, also in what is not committed yet.
    """
    present = parse_trust_list(read_present(pack))
    committed = read_committed(pack)
    return present if committed is None else parse_trust_list(committed).narrowed_by(present.keys)


def read_present(pack: Path) -> dict[str, str]:
    """Return the files as they lie there: name -> text. Raises ParamsError."""
    found = list_files(pack / FOLDER, root=pack, pattern=("*.yaml", "*.yml"))
    refuse_other_endings([path.name for path in found])
    return {path.name: read_text_file(path, root=pack, limit_bytes=LONGEST) for path in found}


def read_committed(pack: Path) -> dict[str, str] | None:
    """Return the files as the commit has them that the project stands at; None outside version control."""
    try:
        inside = run_git(pack, "rev-parse", "--is-inside-work-tree", timeout_s=GIT_TIMEOUT_S)
        if inside.exit_code != 0 or inside.stdout.strip() != "true":
            return None
        listed = run_git(pack, "ls-tree", "-z", "HEAD", f"{FOLDER}/", timeout_s=GIT_TIMEOUT_S)
    except CommandError:
        return None
    found = {}
    for entry in listed.whole_stdout.split("\0") if listed.exit_code == 0 else []:
        about, _, path = entry.partition("\t")
        name = Path(path).name
        if name.endswith((".yaml", ".yml")):
            mode, kind, blob = about.split()
            if kind != "blob" or not mode.startswith("100"):
                raise ParamsError(
                    f"{FOLDER}/{name}: the commit has something else than a file there. Fix: Put the file itself there."
                )
            found[name] = decode_text(git(pack, "cat-file", "blob", blob, timeout_s=GIT_TIMEOUT_S).encode(), f"{FOLDER}/{name}")
    refuse_other_endings(list(found))
    return found


def refuse_other_endings(names: list[str]) -> None:
    """Raise ParamsError for a file that looks like one of a key and would not be read as one."""
    for name in names:
        if name.endswith(".yml"):
            raise ParamsError(
                f"{FOLDER}/{name}: files of keys end with .yaml. Fix: Rename it to {name.removesuffix('.yml')}.yaml."
            )
