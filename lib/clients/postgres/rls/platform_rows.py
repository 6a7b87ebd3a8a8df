"""Rows of the platform's own tables, made inside a probe's transaction: files in buckets, and messages of channels.

Policies on storage.objects and realtime.messages can be told apart only by rows, and fixtures rarely have any: the platform's
servers write them. So there is a file in the folder of each user, and in others, of each bucket that a policy names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import DictRow

from lib.clients.postgres.rls.attempt import bind_uid, claims_of
from lib.clients.postgres.rls.declared import Identity, Rls
from lib.transport.database import Database, read_query

OBJECTS = "storage.objects"
BUCKETS = "storage.buckets"
MESSAGES = "realtime.messages"
MADE_TABLES = (OBJECTS, BUCKETS, MESSAGES)

STRANGER = "00000000-0000-4000-8000-0000000000ff"
"""The id of a user that nobody is."""

OTHER_BUCKET = "launch-readiness"
"""A bucket that no policy names."""

MOST_VALUES = 6
"""Values of one column that a policy reads, such as ids of teams, that folders and channels are named after."""

MOST_FOLDERS = 24
MOST_TOPICS = 40
ENDING = re.compile(r"^[a-z0-9]{2,5}$")
"""A text that may be the ending of a file's name."""

SAID_BUCKET = re.compile(r"bucket_id\s*(?:=|in|<>)\s*\(?\s*((?:'[^']*'\s*,?\s*)+)", re.IGNORECASE)
TEXT = re.compile(r"'((?:[^']|'')*)'")

FIRST_FILES = """
insert into storage.objects (bucket_id, name, owner, owner_id, metadata)
select bucket, name, owner::uuid, owner, '{"mimetype": "text/plain", "size": 1}'
from unnest(%s::text[], %s::text[], %s::text[]) as file (bucket, name, owner)
where exists (select from storage.buckets b where b.id = bucket)
on conflict do nothing
"""
FIRST_MESSAGES = """
insert into realtime.messages (topic, extension, payload, event, private)
select made.name, kind.name, '{}', 'launch_readiness', true
from unnest(%s::text[]) as made (name), unnest(array['broadcast', 'presence']) as kind (name)
where not exists (select from realtime.messages m where m.topic = made.name and m.extension = kind.name)
"""

POLICY_TEXTS = """
select said from pg_catalog.pg_policy p, unnest(array[
  pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
]) as said
where p.polrelid = pg_catalog.to_regclass(%s) and said is not null
"""


@dataclass(frozen=True, kw_only=True)
class PolicyWords:
    """What the policies and scopes of one table of the platform speak of: strings, buckets, and values of the project's rows."""

    texts: tuple[str, ...]
    buckets: tuple[str, ...]
    values: tuple[str, ...]


def read_words(connection: psycopg.Connection[DictRow], database: Database, rls: Rls, table: str) -> PolicyWords:
    """Return what the policies of a table, and the scopes that are declared for it, speak of."""
    row = database.rows(read_query(__package__, "platform_words"), place=table)[0]
    scopes = " ".join(rls.scopes.get(table, {}).values())
    said = [text.replace("''", "'") for text in TEXT.findall(scopes)]
    named = [text for group in SAID_BUCKET.findall(scopes) for text in TEXT.findall(group)]
    values: dict[str, None] = {}
    for place, column in row["columns"]:
        asked = f"select distinct {column}::text as value from {place} where {column} is not null order by 1 limit {MOST_VALUES}"
        values |= dict.fromkeys(one["value"] for one in connection.execute(asked.encode()))
    return PolicyWords(
        texts=tuple(dict.fromkeys([*row["texts"], *said])),
        buckets=tuple(dict.fromkeys([*row["buckets"], *named])),
        values=tuple(values),
    )


def add_platform_rows(connection: psycopg.Connection[DictRow], database: Database, rls: Rls, tables: Iterable[str]) -> None:
    """Make rows of these tables of the platform in the open transaction, beside those that are there.

    Never call it on a live database: what is made is rolled back with the transaction, yet it is written.
    """
    wanted = set(tables)
    users = [one.sub for one in rls.identities.values() if one.sub is not None]
    words = {table: read_words(connection, database, rls, table) for table in (OBJECTS, BUCKETS, MESSAGES) if table in wanted}
    connection.execute("set local session_replication_role = replica")
    if {OBJECTS, BUCKETS} & wanted:
        buckets = dict.fromkeys([*(one for said in words.values() for one in said.buckets), OTHER_BUCKET])
        connection.execute(
            "insert into storage.buckets (id, name) select one, one from unnest(%s::text[]) as one on conflict do nothing",
            [list(buckets)],
        )
    if OBJECTS in wanted:
        every = [row["id"] for row in connection.execute("select id from storage.buckets order by id")]
        files = [(bucket, *file) for bucket in every for file in files_of(words[OBJECTS], users)]
        connection.execute(FIRST_FILES, [list(column) for column in zip(*files, strict=True)])
    if MESSAGES in wanted:
        connection.execute(FIRST_MESSAGES, [topics_of(words[MESSAGES], users)])
    for table in wanted & {OBJECTS, MESSAGES}:
        forget_unreadable(connection, rls, table)
    connection.execute("set local session_replication_role = origin")


def forget_unreadable(connection: psycopg.Connection[DictRow], rls: Rls, table: str) -> None:
    """Remove the rows for which a policy or a declared scope has no answer, such as one that takes each file's name for an id."""
    people = [one for one in rls.identities.values() if one.sub is not None][:1]
    somebody = people[0] if people else Identity(role="anon")
    policies = connection.execute(POLICY_TEXTS, [table]).fetchall()
    asked = [row["said"] for row in policies] + [bind_uid(one, somebody) for one in rls.scopes.get(table, {}).values()]
    if not asked:
        return
    shown = ", ".join(f"({one}\n)" for one in asked)
    topic = "topic" if table == MESSAGES else "null::text"
    rows = connection.execute(f"select tableoid::oid::bigint as part, ctid::text as spot, {topic} as topic from {table}".encode())
    for row in rows.fetchall():
        this = f"{table.partition('.')[2]}.tableoid = {row['part']} and {table.partition('.')[2]}.ctid = '{row['spot']}'::tid"
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(
                    "select set_config('request.jwt.claims', %s, true), set_config('realtime.topic', %s, true)",
                    [claims_of(somebody), row["topic"] or ""],
                )
                connection.execute(f"select {shown} from {table} where {this}".encode())
        except psycopg.DataError:
            connection.execute(f"delete from {table} where {this}".encode())


def files_of(words: PolicyWords, users: Sequence[str]) -> list[tuple[str, str]]:
    """Return name and owner of the files of one bucket: in each user's folder, in others', and at the top."""
    endings = list(dict.fromkeys(["txt", *(one for one in words.texts if ENDING.match(one) and one not in words.buckets)]))
    people = [*users, STRANGER]
    folders = [one.strip("/") for one in words.texts if one not in words.buckets and one.strip("/%")]
    named = [one.replace("%", "x") for one in folders if not one.isdigit()]
    places = [*people, *named, *words.values, *(f"{folder}/{one}" for folder in named for one in (*people, *words.values))]
    found: dict[str, str] = {}
    for number, place in enumerate(places[:MOST_FOLDERS]):
        for ending in endings:
            owner = next((one for one in people if one in place), people[number % len(people)])
            found[f"{place}/launch-readiness.{ending}"] = owner
    for one, other in zip(people, [*people[1:], people[0]], strict=True):
        found[f"{one}/of-another.txt"] = other
        found[f"launch-readiness-{one}.txt"] = one
        found[f"{one}.txt"] = one
    return list(found.items())


def topics_of(words: PolicyWords, users: Sequence[str]) -> list[str]:
    """Return names of channels: those that policies name, of each user and of the project's rows, and others."""
    subjects = [*users, STRANGER, *words.values]
    starts = [one.replace("%", "") for one in words.texts if one not in ("broadcast", "presence", "postgres_changes")]
    named = [f"{start}{one}" for start in starts for one in subjects if start]
    joined = [
        f"{start}{mark}{one}" for start in starts if start and start[-1].isalnum() for mark in ":-_" for one in subjects[:4]
    ]
    return list(dict.fromkeys([*(one for one in starts if one), *subjects, "launch-readiness", *named, *joined]))[:MOST_TOPICS]


def read_topics(connection: psycopg.Connection[DictRow]) -> list[str]:
    """Return the channels that have messages, the first ones by name."""
    asked = f"select distinct topic from realtime.messages order by topic limit {MOST_TOPICS + MOST_VALUES}"
    return [row["topic"] for row in connection.execute(asked.encode())]


def in_each_topic(connection: psycopg.Connection[DictRow]) -> Iterator[str]:
    """Yield each channel while only its messages are there and the request is one to it; all are back afterwards.

    The realtime server asks the policies about one channel at a time, and tells them which by a setting.
    """
    for topic in read_topics(connection):
        with connection.transaction(force_rollback=True):
            connection.execute("delete from realtime.messages where topic <> %s", [topic])
            connection.execute("select set_config('realtime.topic', %s, true)", [topic])
            yield topic


def merge_regions(several: Iterable[Mapping[str, tuple[int, int]]]) -> dict[str, tuple[int, int]]:
    """Return the regions of several channels as one: rows there were, rows touched."""
    merged: dict[str, tuple[int, int]] = {}
    for regions in several:
        for spot, (rows, touched) in regions.items():
            before = merged.get(spot, (0, 0))
            merged[spot] = (before[0] + rows, before[1] + touched)
    return merged
