"""Check a bundle of launch readiness by itself: python verify_bundle.py FOLDER PUBLIC_KEY.pem (needs `cryptography` alone).

Take the signer's key from whom you trust, not from the bundle. This checks the signatures, each fact and file, and that nothing
was added; not whether a fact was true when it was signed. Exit code 0: it holds, 1: it does not, 2: it could not be checked.
"""

import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key


def digest(data):
    return hashlib.sha256(data).hexdigest()


def opened(path, key):  # the statement in an envelope, once its signature holds
    envelope = json.loads(path.read_bytes())
    kind, payload = envelope["payloadType"].encode(), base64.b64decode(envelope["payload"])
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    key.verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed)
    return json.loads(payload)


def root(leaves):  # of RFC 6962's tree over these leaves
    if len(leaves) < 2:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root(leaves[:half]) + root(leaves[half:])).digest()


def check(folder, key):
    said, rows = opened(folder / "facts.dsse.json", key), json.loads((folder / "leaves.json").read_bytes())
    texts = [json.dumps([row.get(name) for name in ("kind", "name", "salt", "sha256")], separators=(",", ":")) for row in rows]
    leaves = [row.get("digest") or digest(b"\x00" + text.encode()) for row, text in zip(rows, texts, strict=True)]
    right = root([bytes.fromhex(leaf) for leaf in leaves]).hex() == said["subject"][0]["digest"]["rfc6962Sha256"]
    signed = sorted((row["kind"], row["name"], row["sha256"]) for row in rows if "digest" not in row)
    lines = [line for line in (folder / "evidence.jsonl").read_bytes().split(b"\n") if line.strip()]
    found = [("fact", json.loads(line)["check"], digest(line)) for line in lines]
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}
    odd = [f"{name} is no regular file" for name, path in names.items() if path.is_symlink() or not path.is_file()]
    beside, other = {"leaves.json", "evidence.jsonl", "facts.dsse.json"}, []
    for name in [] if odd else [name for name in names if name.endswith(".dsse.json") and name not in beside]:
        subjects = {one["name"]: one["digest"].get("sha256") for one in opened(names[name], key)["subject"]}
        about = sorted(subjects.keys() & names.keys())
        wrong = [one for one in about if subjects[one] != digest(names[one].read_bytes())]
        other += [f"{name} is about another run"] if wrong or not about else []
        beside |= {name, *({"manifest.json"} & set(about))}
    found += [("file", name, digest(path.read_bytes())) for name, path in names.items() if not odd and name not in beside]
    changed = [f"{one[1]} was changed, added or taken away" for one in sorted({*signed} ^ {*found})]
    whole = right and len(found) == len(signed)
    bad = odd or [*other, *changed, *([] if whole else ["the leaves are not those that were signed"])]
    told = ", ".join(said["predicate"][name] for name in ("project", "environment", "run_id", "verdict"))
    return bad, f"{told}: {len(lines)} facts, {len(rows) - len(signed)} parts withheld"


if __name__ == "__main__":
    try:
        bad, told = check(Path(sys.argv[1]), load_pem_public_key(Path(sys.argv[2]).read_bytes()))
    except (OSError, IndexError) as exc:
        sys.exit(print(f"COULD NOT BE CHECKED: {exc}. {__doc__}") or 2)
    except (ValueError, LookupError, TypeError, AttributeError, InvalidSignature) as exc:
        bad, told = [f"a signature is not by this key, or a file is not what it was ({type(exc).__name__})"], "nothing is shown"
    print(f"{'DOES NOT HOLD: ' + '; '.join(bad) if bad else 'HOLDS: all that is shown is as it was signed'} ({told}).")
    sys.exit(1 if bad else 0)
