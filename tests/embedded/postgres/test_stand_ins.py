"""Every extension of hosted can be created where hosted puts it, and a stand-in does what it says."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from lib.core.errors import DatabaseError
from lib.embedded.postgres.extensions_at_hand import REAL, SIMULATED, every_extension, state_of
from lib.embedded.postgres.stand_ins import ABSENT, STAND_INS, simulated_in
from tests.support.tried_extensions import Tried

FIXED_SCHEMAS = {
    "pg_cron": "pg_catalog",
    "pg_graphql": "graphql",
    "pg_tle": "pgtle",
    "pgmq": "pgmq",
    "pgsodium": "pgsodium",
    "supabase_vault": "vault",
}
"""Where hosted has an extension whatever schema is asked for; all others go to `extensions`."""

FACES = {
    "http": "extensions.http_post(character varying,jsonb)",
    "pg_cron": "cron.schedule(text,text,text)",
    "pg_graphql": "graphql.resolve(text,jsonb,text,jsonb)",
    "pg_jsonschema": "extensions.jsonb_matches_schema(json,jsonb)",
    "pg_net": "net.http_post(text,jsonb,jsonb,jsonb,integer)",
    "pg_repack": "repack.version()",
    "pgmq": "pgmq.send(text,jsonb,integer)",
    "pgsodium": "pgsodium.crypto_aead_det_encrypt(bytea,bytea,uuid,bytea)",
    "supabase_vault": "vault.create_secret(text,text,text,uuid)",
    "vector": "extensions.cosine_distance(extensions.vector,extensions.vector)",
}
"""A function of some of them, as hosted has it."""


def test_every_extension_is_where_hosted_has_it_or_is_said_to_be_absent(tried: Tried) -> None:
    expected = {
        name: FIXED_SCHEMAS.get(name, "extensions") if state_of(name, tried.server.major) in (REAL, SIMULATED) else "0A000"
        for name in every_extension()
    }
    assert tried.came == expected
    assert set(ABSENT) <= {name for name, came in tried.came.items() if came == "0A000"}


def test_the_server_tells_which_extensions_are_simulated(tried: Tried) -> None:
    major = tried.server.major
    assert simulated_in(tried.database) == [name for name in every_extension() if state_of(name, major) == SIMULATED]
    assert simulated_in(tried.server.database("template1")) == []


@pytest.mark.parametrize("name", FACES)
def test_a_stand_in_has_the_functions_of_the_real_one(tried: Tried, name: str) -> None:
    assert tried.value("select to_regprocedure(:signature) is not null", signature=FACES[name])


def test_postgres_removes_what_it_created(tried: Tried) -> None:
    mine = tried.server.create_hosted_database(f"test_{secrets.token_hex(6)}")
    names = [name for name, came in tried.came.items() if name in {*STAND_INS} - {"supabase_vault"} and came != "0A000"]
    with mine.connect(autocommit=True) as connection:
        for name in names:
            connection.execute(f'create extension "{name}" cascade')  # type: ignore[arg-type]
        connection.execute(f"drop extension {', '.join(names)} cascade")  # type: ignore[arg-type]
    assert simulated_in(mine) == ["supabase_vault"]  # every project starts with it
    tried.server.drop_database(mine.name)


@pytest.mark.parametrize(
    "trap",
    [
        "create function extensions.format(text, text, text) returns text language plpgsql as "
        "$$ begin alter role postgres superuser; return $1; end $$",
        "create function extensions.join(name, text) returns text language plpgsql as "
        "$$ begin alter role postgres superuser; return $1; end $$; "
        "create operator extensions.|| (leftarg = name, rightarg = text, procedure = extensions.join)",
    ],
    ids=["function", "operator"],
)
def test_nobody_slips_code_into_a_script_that_runs_as_the_superuser(tried: Tried, trap: str) -> None:
    mine = tried.server.create_hosted_database(f"test_{secrets.token_hex(6)}")
    with mine.connect() as connection:
        connection.execute(trap)  # type: ignore[arg-type]
    free = [name for name in simulated_in(tried.database) if tried.came[name] == "extensions"]
    assert len(free) > 10
    for name in free:
        with (
            pytest.raises(DatabaseError, match="simulated: an extension is not created in a schema"),
            mine.connect() as connection,
        ):
            connection.execute(f'create extension "{name}" with schema extensions cascade')  # type: ignore[arg-type]
    assert not mine.value("select rolsuper from pg_roles where rolname = 'postgres'")
    tried.server.drop_database(mine.name)


def test_a_secret_lies_encrypted_and_only_for_those_who_may(tried: Tried) -> None:
    own = tried.do("select vault.create_secret('hunter2', 'door', 'for the door')::text")
    stored = tried.value("select secret from vault.secrets where name = 'door'")
    assert "hunter2" not in stored
    assert tried.value("select decrypted_secret from vault.decrypted_secrets where name = 'door'") == "hunter2"
    tried.do(f"select vault.update_secret('{own}', 'swordfish')")
    assert tried.value("select decrypted_secret from vault.decrypted_secrets where name = 'door'") == "swordfish"
    assert tried.value("select description from vault.secrets where name = 'door'") == "for the door"
    for query in ("insert into vault.secrets (secret) values ('x')", "update vault.secrets set name = 'y'"):
        assert tried.refuse(query).sqlstate == "42501"
    for role in ("anon", "authenticated"):
        assert tried.refuse("select * from vault.decrypted_secrets", role=role).sqlstate == "42501"
    assert tried.refuse("select vault._stand_in_key(0, 'pgsodium')").sqlstate == "42501"
    assert tried.refuse("select vault._crypto_aead_det_encrypt('a', 'b', 0)").sqlstate == "42501"


def test_a_changed_secret_is_refused(tried: Tried) -> None:
    own = tried.do("select vault.create_secret('whole')::text")
    opened = "select convert_from(vault._crypto_aead_det_decrypt({}, convert_to(id::text, 'utf8'), 0, 'pgsodium', nonce), 'utf8')"
    whole = f"{opened.format('''decode(secret, 'base64')''')} from vault.secrets where id = '{own}'"
    changed = whole.replace("decode(secret, 'base64')", "set_byte(decode(secret, 'base64'), 20, 0)")
    assert tried.value(whole) == "whole"
    assert "invalid ciphertext" in str(tried.refuse(changed))


def test_a_request_is_queued_and_not_sent(tried: Tried) -> None:
    tried.do("""select net.http_post('https://example.com/a?b=1', '{"c": 1}', '{"q": "x y&z"}')""")
    tried.do("""select net.http_get('https://example.com/a', timeout_milliseconds := 1000)""", role="anon")
    assert tried.database.rows(
        "select method, url, headers, convert_from(body, 'utf8') as body, timeout_milliseconds as timeout "
        "from net.http_request_queue order by id"
    ) == [
        {
            "method": "POST", "url": "https://example.com/a?b=1&q=x%20y%26z", "timeout": 5000,
            "headers": {"Content-Type": "application/json"}, "body": '{"c": 1}',
        },
        {"method": "GET", "url": "https://example.com/a", "timeout": 1000, "headers": {}, "body": None},
    ]  # fmt: skip
    assert tried.value("select count(*) from net._http_response") == 0
    assert tried.refuse("select http_get('https://example.com')").sqlstate == "0A000"


def test_jobs_are_checked_noted_and_never_run(tried: Tried) -> None:
    with tried.database.connect() as connection:
        connection.execute("select cron.schedule('nightly', '0 3 * * *', 'select 1')")
        connection.execute("select cron.schedule('nightly', '30 seconds', 'select 2')")
        connection.execute("select cron.schedule('@daily', 'select 3')")
    assert tried.database.rows("select jobname, schedule, command, username, active from cron.job order by jobid") == [
        {"jobname": "nightly", "schedule": "30 seconds", "command": "select 2", "username": "postgres", "active": True},
        {"jobname": None, "schedule": "@daily", "command": "select 3", "username": "postgres", "active": True},
    ]
    with tried.database.connect() as connection:
        connection.execute("select cron.alter_job(jobid, active := false) from cron.job where jobname = 'nightly'")
        connection.execute("select cron.unschedule(jobid) from cron.job where jobname is null")
    assert tried.database.rows("select jobname, active from cron.job") == [{"jobname": "nightly", "active": False}]
    assert tried.value("select count(*) from cron.job_run_details") == 0
    assert "could not find valid entry for job 'gone'" in str(tried.refuse("select cron.unschedule('gone')"))
    assert tried.refuse("insert into cron.job (schedule, command) values ('* * * * *', 'x')").sqlstate == "42501"
    assert tried.refuse("select cron.schedule('a', '* * * * *', 'x')", role="authenticated").sqlstate == "42501"
    assert not tried.value("select has_table_privilege('postgres', 'cron.job_run_details', 'trigger')")


@pytest.mark.parametrize(
    ("schedule", "holds"),
    [
        ("* * * * *", True),
        ("*/5 1-3 * jan,feb mon-fri", True),
        ("0 0 $ * 7", True),
        ("1 second", True),
        ("59 seconds", True),
        ("@hourly", True),
        ("60 * * * *", False),
        ("* 24 * * *", False),
        ("* * 0 * *", False),
        ("* * * 13 *", False),
        ("* * * * 8", False),
        ("* * * * fun", False),
        ("1/20 * * * *", False),
        ("*/0 * * * *", False),
        ("* * * *", False),
        ("60 seconds", False),
        ("0 seconds", False),
        ("@every", False),
        ("", False),
    ],
)
def test_a_schedule_is_read_as_cron_reads_it(tried: Tried, schedule: str, holds: bool) -> None:
    assert tried.value("select cron._stand_in_is_schedule(:schedule)", schedule=schedule) is holds


def test_a_queue_works(tried: Tried) -> None:
    with tried.database.connect() as connection:

        def ask(query: str) -> list[Any]:
            return [next(iter(row.values())) for row in connection.execute(query)]  # type: ignore[call-overload]

        ask("select pgmq.create('Mail')")
        assert ask("select * from pgmq.send('mail', '{\"n\": 1}')") == [1]
        assert ask("select * from pgmq.send('mail', '{\"n\": 2}', 60)") == [2]
        assert ask("select * from pgmq.send_batch('mail', array['{\"n\": 3}', '{\"n\": 4}']::jsonb[])") == [3, 4]
        assert ask("select message ->> 'n' from pgmq.read('mail', 60, 2)") == ["1", "3"]
        assert ask("select message ->> 'n' from pgmq.pop('mail')") == ["4"]
        assert ask("select * from pgmq.read('mail', 60, 9)") == []
        assert ask("select pgmq.archive('mail', 1)") == [True]
        assert ask("select pgmq.delete('mail', 1)") == [False]
        assert ask("select pgmq.delete('mail', 3)") == [True]
        assert ask("select queue_length from pgmq.metrics('mail')") == [1]
        assert ask("select count(*) from pgmq.a_mail") == [1]
        assert ask("select queue_name from pgmq.list_queues()") == ["Mail"]
        assert ask("select pgmq.purge_queue('mail')") == [1]
        assert ask("select pgmq.drop_queue('mail')") == [True]
        assert ask("select to_regclass('pgmq.q_mail')::text") == [None]


def test_tokens_are_signed_and_verified(tried: Tried) -> None:
    # Source: the example of https://jwt.io, 2017.
    token = (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiYWRtaW4iOnRydWV9"
        ".TJVA95OrM7E2cBab30RMHrHDcEfxjoYZgeFONFh7HgQ"
    )
    query = "select valid from verify(:token, :secret)"
    assert tried.value(query, token=token, secret="secret") is True
    assert tried.value(query, token=token, secret="another") is False
    expired = tried.value("select sign('{\"exp\": 1}', 'secret')")
    assert tried.value(query, token=expired, secret="secret") is False


def test_numbers_are_hashed_as_hashids_does(tried: Tried) -> None:
    # Source: the tests of https://github.com/iCyberon/pg_hashids.
    letters = "abcdefghijABCDxFGHIJ1234567890"
    encode = "select id_encode(1234567, 'This is my salt', :least, :letters)"
    assert tried.value("select id_encode(1001)") == "jNl"
    assert tried.value("select id_encode(1234567, 'This is my salt', 10)") == "PlRPdzxpR7"
    assert tried.value(encode, least=10, letters=letters) == "3GJ956J9B9"
    assert tried.value("select id_decode('PlRPdzxpR7', 'This is my salt', 10)") == [1234567]
    assert tried.value("select id_decode(id_encode(array[0, 7, 9223372036854775807], 's'), 's')") == [0, 7, 2**63 - 1]
    assert "invalid hash" in str(tried.refuse("select id_decode('jNl', 'another salt')"))
