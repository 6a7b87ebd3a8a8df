"""pip's settings of where packages come from reach uv; what the environment says already stays."""

from __future__ import annotations

import pytest

from lib.cli.package_index import uv_settings


@pytest.mark.parametrize(
    ("listed", "environment", "settings"),
    [
        ("", {}, {}),
        ("global.index-url='https://mirror.example/simple'", {}, {"UV_DEFAULT_INDEX": "https://mirror.example/simple"}),
        (
            ":env:.index-url='https://b.example'\nglobal.index-url='https://a.example'",
            {},
            {"UV_DEFAULT_INDEX": "https://b.example"},
        ),
        ("global.index-url='https://a.example'", {"UV_INDEX_URL": "https://own.example"}, {}),
        ("global.cert='/etc/ca.pem'\nglobal.timeout='60'", {}, {"SSL_CERT_FILE": "/etc/ca.pem"}),
        ("global.cert='/etc/ca.pem'", {"SSL_CERT_FILE": "/own.pem"}, {}),
        (
            "global.extra-index-url='https://a.example\\nhttps://b.example'",
            {},
            {"UV_INDEX": "https://a.example https://b.example", "UV_INDEX_STRATEGY": "unsafe-best-match"},
        ),
        ("global.proxy='http://proxy.example:3128'", {}, {"ALL_PROXY": "http://proxy.example:3128"}),
        ("global.index-url=not quoted", {}, {}),
    ],
)
def test_pips_settings_are_handed_to_uv(listed: str, environment: dict[str, str], settings: dict[str, str]) -> None:
    assert uv_settings(listed, environment) == settings
