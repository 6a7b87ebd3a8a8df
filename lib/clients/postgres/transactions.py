"""What a file's own words do to the transaction that it is run in. Pure.

A file is run inside a transaction of ours. Its own BEGIN at the start and its own ending at the end only say the same
again, so they are left out; any other ending would keep what the file did, or run the rest outside of any transaction.
"""

from __future__ import annotations

from collections.abc import Sequence

from lib.clients.postgres.statements import Statement

OPENING_WORDS = ("begin", "start")
KEEPING_WORDS = ("commit", "end")
UNDOING_WORDS = ("rollback", "abort")


def leave_out_own(statements: Sequence[Statement]) -> list[Statement]:
    """Return the statements without the file's own BEGIN, wherever it stands, and its own ending at the end."""
    kept = [one for one in statements if not (one.is_transaction_control and one.words[0] in OPENING_WORDS)]
    return kept[:-1] if kept and is_ending(kept[-1]) else kept


def find_escape(statements: Sequence[Statement], *, may_keep: bool = False) -> str | None:
    """Return how a file would leave the transaction that it is run in, or None.

    may_keep: whether a COMMIT at its end is a way to say that it is over, as in a seed.
    """
    for place, one in enumerate(statements):
        is_last = place + 1 == len(statements)
        word = one.words[0].upper() if one.words else ""
        if one.words[:2] == ("prepare", "transaction"):
            return f"line {one.line} has PREPARE TRANSACTION, which would keep what it did"
        if not is_ending(one) or (is_last and (may_keep or one.words[0] in UNDOING_WORDS)):
            continue
        if one.words[0] in KEEPING_WORDS:
            return f"line {one.line} has {word}, which would keep what it did"
        return f"statements follow the {word} of line {one.line}, outside any transaction"
    return None


def is_ending(statement: Statement) -> bool:
    """Return whether a statement ends the transaction it stands in; one for a prepared transaction is refused in any."""
    return (
        statement.is_transaction_control
        and statement.words[0] in (*KEEPING_WORDS, *UNDOING_WORDS)
        and "prepared" not in statement.words
    )
