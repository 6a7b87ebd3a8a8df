"""The registry: images as tar files of the app with one release built in, known by the digest of their bytes."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

from lib.core.errors import TargetError
from lib.core.pack_files import list_files, read_file, show_path

HOST = "registry.fly.io"
IMAGES = "images"
"""The folder of the pack's app that holds one folder a release."""
MOST_BYTES = 64 * 1024 * 1024
"""Of one image: it is held in memory while it is made."""
RELEASE = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, kw_only=True)
class ImageRef:
    """A reference to an image: registry.fly.io/<repository>:<tag>, or @sha256:<digest> instead of a tag."""

    repository: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        return f"{HOST}/{self.repository}@{self.digest}" if self.digest else f"{HOST}/{self.repository}:{self.tag}"


def parse_reference(text: str) -> ImageRef | None:
    """Return what a reference names, or None when it names no image of this registry."""
    rest = text.removeprefix(f"{HOST}/")
    if rest == text:
        return None
    repository, at, digest = rest.partition("@")
    repository, _, tag = repository.partition(":")
    return ImageRef(repository=repository, tag=tag or ("" if at else "latest"), digest=digest)


def pack_image(app: Path, release: str) -> bytes:
    """Return the image of one release as tar bytes: the same sources always give the same bytes.

    Raises TargetError naming the file that can't be part of an image, or when there is too much of them.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for top, name in ((app / IMAGES / release, "release"), *code_of(app)):
            for path in list_files(top, root=app.parent, recursive=True):
                if "__pycache__" in path.parts or path.is_dir():
                    continue
                member = tarfile.TarInfo(f"{name}/{path.relative_to(top).as_posix()}")
                content = read_file(path, root=app.parent, limit_bytes=MOST_BYTES - buffer.tell())
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def code_of(app: Path) -> list[tuple[Path, str]]:
    """Return the app's Python packages, which every image holds."""
    return [(path.parent, path.parent.name) for path in sorted(app.glob("*/__main__.py"))]


def releases_of(app: Path) -> list[str]:
    """Return the releases that the app's folder has images of. Raises TargetError when that can't be told."""
    found = sorted(path.parent.name for path in (app / IMAGES).glob("*/release.json"))
    if odd := [name for name in found if not RELEASE.fullmatch(name)]:
        shown = show_path(app / IMAGES / odd[0], app.parent)
        raise TargetError(f"{shown} is no name of a release.", fix="Use letters, digits, dots, dashes and underscores.")
    return found


class Registry:
    """A folder of images, by digest, with tags that point at them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tags: dict[str, str] = {}
        self.unpacked = folder / "unpacked"
        self.unpacked.mkdir(parents=True, exist_ok=True)

    def push(self, reference: ImageRef, content: bytes) -> str:
        """Keep an image under a tag and return its digest."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        (self.folder / digest.replace(":", "-")).write_bytes(content)
        self.tags[f"{reference.repository}:{reference.tag}"] = digest
        return digest

    def remove(self, digest: str) -> None:
        """Forget an image and every tag of it; machines that run it go on."""
        (self.folder / digest.replace(":", "-")).unlink(missing_ok=True)
        self.tags = {tag: other for tag, other in self.tags.items() if other != digest}

    def resolve(self, reference: ImageRef) -> str | None:
        """Return the digest that a reference names, or None when the registry has no such image."""
        digest = reference.digest or self.tags.get(f"{reference.repository}:{reference.tag}", "")
        return digest if digest and (self.folder / digest.replace(":", "-")).exists() else None

    def unpack(self, digest: str) -> Path:
        """Return the folder that holds an image's files, unpacked once."""
        target = self.unpacked / digest.replace(":", "-")
        if not target.exists():
            beside = target.with_suffix(".new")
            unpack_image(self.folder / digest.replace(":", "-"), beside)
            beside.rename(target)
        return target


def unpack_image(image: Path, folder: Path) -> None:
    """Write an image's files below a folder: regular files alone, which is all that `pack_image` puts in."""
    # Not `extractall`: its `filter` came with Python 3.11.4, and Debian 12 has 3.11.2.
    with tarfile.open(image) as tar:
        for member in tar:
            content = tar.extractfile(member)
            path = folder / member.name
            if content is None or not path.resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"{member.name} is not a regular file inside the image")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.read())
