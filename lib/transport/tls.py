"""Whose word counts for who a server is: the system's authorities and Mozilla's."""

from __future__ import annotations

import ipaddress
import ssl

import certifi


def trusted_context() -> ssl.SSLContext:
    """Return what verifies a server's certificate and name; SSL_CERT_FILE adds a private authority."""
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=certifi.where())
    return context


def is_this_machine(host: str) -> bool:
    """Return whether a host's name can't mean another machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
