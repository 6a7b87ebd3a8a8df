"""The words for what is bad about an answer, each with its next move.

Beside these, `lib.transport.web_types.Trouble` names what goes wrong before there is an answer to read.
"""

from __future__ import annotations

from lib.transport.web_types import Trouble

NOT_JSON, HTML = "not JSON", "HTML instead of JSON"
NOT_AS_EXPECTED = "not as expected"

NEXT_MOVES = {
    Trouble.NAME_NOT_FOUND: "check the address, and the name's DNS record",
    Trouble.REFUSED: "see whether the service runs and listens there",
    Trouble.CERTIFICATE: "renew the certificate, or correct the host name; don't turn verification off",
    Trouble.TLS: "see which TLS versions the server offers",
    Trouble.NO_ANSWER: "see whether the service is overloaded, or a firewall drops us",
    Trouble.HUNG_UP: "read the service's and its proxy's log: it took the connection and dropped it",
    Trouble.UNREACHABLE: "check the address and the network between",
    Trouble.HELD_BACK: "wait until the limit leaves room, or ask less often",
    Trouble.TOO_SLOW: "see what the service waits for: it began to answer and did not end",
    Trouble.BROKEN_OFF: "read the service's and its proxy's log: the answer stopped in the middle",
    Trouble.TOO_LARGE: "see what it sends, or raise health.max_body_bytes",
    Trouble.REDIRECTED: "correct the address, or see who answers for it: credentials are not sent elsewhere",
    "token not accepted": "make a new token and store it where this environment reads it",
    "forbidden": "give the token's user the role, scope or plan that this call needs",
    "not found": "check the path in params and the account in the environment's variables",
    "rate limited": "wait, and see who else uses this token",
    "server error": "read the service's log for this moment",
    "unexpected status": "compare the path in params with the vendor's documentation",
    HTML: "see which page answers: a sign-in, a maintenance page or a proxy",
    NOT_JSON: "read the service's log: its answer is no valid JSON",
    NOT_AS_EXPECTED: "compare the answer with what params expect, and mend the one that is wrong",
}
"""What was found -> what to do about it."""


def name_status(status: int) -> str | None:
    """Return what is bad about a status, None when nothing is."""
    if 200 <= status < 300:
        return None
    named = {401: "token not accepted", 403: "forbidden", 404: "not found", 429: "rate limited"}
    return named.get(status, "server error" if status >= 500 else "unexpected status")
