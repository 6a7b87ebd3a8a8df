"""The words for what is bad about an answer, each with its fix.

Beside these, `lib.transport.web_types.Failure` names what goes wrong before there is an answer to read.
"""

from __future__ import annotations

from lib.transport.web_types import Failure

NOT_JSON, HTML = "not JSON", "HTML instead of JSON"
NOT_AS_EXPECTED = "not as expected"
NOT_SEEN_BY_AGENT = "not seen by an agent"

FIXES = {
    Failure.NAME_NOT_FOUND: "Check the address, and the name's DNS record.",
    Failure.REFUSED: "See whether the service runs and listens there.",
    Failure.CERTIFICATE: "Renew the certificate, or correct the host name; don't turn verification off.",
    Failure.TLS: "See which TLS versions the server offers.",
    Failure.NO_ANSWER: "See whether the service is overloaded, or a firewall drops us.",
    Failure.DISCONNECTED: "Read the service's and its proxy's log: it took the connection and dropped it.",
    Failure.NOT_HTTP: "See what listens there: it speaks another protocol, or its proxy garbles the answer's head.",
    Failure.UNREACHABLE: "Check the address and the network between.",
    Failure.RATE_LIMITED: "Wait until the limit leaves room, or send fewer requests.",
    Failure.NOT_SENT: "See why the requests before it took so long, or send fewer.",
    Failure.TOO_SLOW: "See what the service waits for: it began to answer and did not end.",
    Failure.TRUNCATED: "Read the service's and its proxy's log: the answer stopped in the middle.",
    Failure.TOO_LARGE: "See what it sends, or raise health.max_body_bytes.",
    Failure.ENCODED: "Let the service or its proxy honour `Accept-Encoding: identity`, or send gzip.",
    Failure.REDIRECTED: "Correct the address, or see who answers for it: credentials are not sent elsewhere.",
    "token not accepted": "Make a new token and store it where this environment reads it.",
    "forbidden": "Give the token's user the role, scope or plan that this call needs.",
    "not found": "Check the path in params and the account in the environment's variables.",
    "rate limited": "Wait, and see who else uses this token.",
    "server error": "Read the service's log for this moment.",
    "unexpected status": "Compare the path in params with the vendor's documentation.",
    HTML: "See which page answers: a sign-in, a maintenance page or a proxy.",
    NOT_JSON: "Read the service's log: its answer is not valid JSON.",
    NOT_SEEN_BY_AGENT: "Add the token's agent to each inbox in Chatwoot, or use the token of an administrator.",
    NOT_AS_EXPECTED: "Compare the answer with what params expect, and correct the one that is wrong.",
}
"""What was found -> what to do about it; the pack's health-common.sh says the same."""


def name_status(status: int) -> str | None:
    """Return what is bad about a status, None when nothing is."""
    if 200 <= status < 300:
        return None
    named = {401: "token not accepted", 403: "forbidden", 404: "not found", 429: "rate limited"}
    return named.get(status, "server error" if status >= 500 else "unexpected status")
