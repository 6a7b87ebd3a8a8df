"""How tools spell a credential: forty ways, each made by the tool's own rules, for tests to hide secrets in."""

from __future__ import annotations

import base64
import html
import json
import quopri
import re
import shlex
import textwrap
from collections.abc import Callable
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape as xml_escape

import yaml


def raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def sql_quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def sql_escaped(text: str) -> str:
    return "E'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def go_json(text: str) -> str:
    """As Go's encoding/json writes it, which escapes HTML too."""
    said = json.dumps(text, ensure_ascii=False)
    return said.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def php_json(text: str) -> str:
    return json.dumps(text).replace("/", "\\/")


def entities(text: str, form: str) -> str:
    return "".join(char if char.isalnum() and char.isascii() else form.format(ord(char)) for char in text)


def _lower_escapes(said: str) -> str:
    first, *rest = said.split("%")
    return first + "".join("%" + part[:2].lower() + part[2:] for part in rest)


def wrapped(signs: str, width: int, end: str) -> str:
    return end.join(signs[place : place + width] for place in range(0, len(signs), width))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def at_columns(text: str, width: int = 80) -> str:
    """As a terminal of so many columns breaks it: a line's end in the middle, wherever it falls."""
    return wrapped(text, width, "\n")


def coloured(text: str) -> str:
    middle = len(text) // 2
    return f"\x1b[1;31m{text[:middle]}\x1b[0m{text[middle:]}\x1b[0m"


def shell_backslashes(text: str) -> str:
    return "".join(char if char.isalnum() else f"\\{char}" for char in text)


def dollar_quoted(text: str) -> str:
    return "$'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "SQL, quotes doubled": sql_quoted,
    "SQL, E string": sql_escaped,
    "JSON, ASCII": json.dumps,
    "JSON, UTF-8": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON of Go": go_json,
    "JSON, slashes escaped": php_json,
    "JSON, upper hex": lambda text: _upper_unicode(json.dumps(text)),
    "JSON in JSON": lambda text: json.dumps(json.dumps({"a": text})),
    "JSON in JSON in JSON": lambda text: json.dumps(json.dumps(json.dumps([text], ensure_ascii=False))),
    "percent, upper": lambda text: quote(raw(text), safe=""),
    "percent, lower": lambda text: _lower_escapes(quote(raw(text), safe="")),
    "percent, path": lambda text: quote(raw(text)),
    "form": lambda text: quote_plus(raw(text)),
    "percent, twice": lambda text: quote(quote(raw(text), safe=""), safe=""),
    "URL userinfo": lambda text: f"https://deploy:{quote(raw(text), safe='')}@db.example.com/x",
    "HTML": html.escape,
    "HTML of Go": lambda text: html.escape(text).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    "HTML, decimal": lambda text: entities(text, "&#{};"),
    "HTML, hex": lambda text: entities(text, "&#x{:x};"),
    "HTML, upper hex": lambda text: entities(text, "&#X{:X};"),
    "HTML in JSON of Go": lambda text: go_json(html.escape(text)),
    "XML": lambda text: f"<a>{xml_escape(text)}</a>",
    "base64": lambda text: b64(raw(text)),
    "base64, unpadded": lambda text: b64(raw(text)).rstrip("="),
    "base64, URL-safe": lambda text: base64.urlsafe_b64encode(raw(text)).decode(),
    "base64, after 1": lambda text: b64(b"u:x" + raw(text) + b"; and more"),
    "base64, after 2": lambda text: b64(b"user:" + raw(text) + b"\n"),
    "base64, 64 columns": lambda text: wrapped(b64(b"k" * 40 + raw(text) + b"z" * 30), 64, "\n"),
    "base64, 76 columns": lambda text: wrapped(b64(b"k" * 50 + raw(text) + b"z" * 30), 76, "\r\n"),
    "base64 in JSON": lambda text: json.dumps(wrapped(b64(b"k" * 41 + raw(text)), 64, "\n")).replace("/", "\\/"),
    "base64 of base64": lambda text: b64(b64(raw(text)).encode()),
    "base64 of JSON": lambda text: b64(json.dumps({"token": text}).encode()),
    "hex": lambda text: raw(text).hex(),
    "hex, upper": lambda text: raw(text).hex().upper(),
    "hex, bytea": lambda text: "\\x" + raw(text).hex(),
    "hex, colons": lambda text: raw(text).hex(":"),
    "hex, blanks": lambda text: f"<Buffer {raw(text).hex(' ')}>",
    "hex, escapes": lambda text: "".join(f"\\x{byte:02x}" for byte in raw(text)),
    "octal": lambda text: "".join(chr(byte) if 48 <= byte < 123 and byte != 92 else f"\\{byte:03o}" for byte in raw(text)),
    "shell": shlex.quote,
    "shell, double quotes": lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"',
    "shell, $'...'": dollar_quoted,
    "shell, backslashes": shell_backslashes,
    "YAML": lambda text: yaml.safe_dump({"a": text}, width=10_000),
    "YAML, UTF-8": lambda text: yaml.safe_dump({"a": text}, allow_unicode=True, width=60),
    "YAML, double quotes": lambda text: yaml.safe_dump({"a": text}, default_style='"', width=60),
    "Python": repr,
    "Python, ASCII": ascii,
    "Python, bytes": lambda text: repr(raw(text)),
    "UTF-16": lambda text: raw(text).decode().encode("utf-16-le").decode("latin-1"),
    "UTF-16 in base64": lambda text: b64(text.encode("utf-16-le", "surrogatepass")),
    "colours": coloured,
    "terminal of 80 columns": lambda text: at_columns(f"{'x' * 71} {text}"),
    "lines of 20 columns": lambda text: at_columns(text, 20),
    "quoted-printable": lambda text: quopri.encodestring(raw(text)).decode("ascii"),
    "indented lines": lambda text: textwrap.indent(at_columns(text, 30), "      "),
}
"""Who writes it so -> how."""


def _upper_unicode(said: str) -> str:
    return re.sub(r"(?<!\\)((?:\\\\)*\\u)([0-9a-f]{4})", lambda found: found[1] + found[2].upper(), said)
