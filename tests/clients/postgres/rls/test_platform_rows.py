"""The platform's own tables are tried like others: files by bucket and folder, messages by channel, with rows made for it."""

from __future__ import annotations

from typing import Any

from lib.clients.postgres.rls.catalogue import read_tables
from lib.clients.postgres.rls.platform_rows import PolicyWords, files_of, topics_of
from lib.clients.postgres.rls.probe import observe_matrix
from lib.core.results import Outcome
from lib.transport.database import Database
from tests.support.rls_samples import ANA, BEN, apply, every_verb, section

OWN_FOLDER = "bucket_id = 'avatars' and (storage.foldername(name))[1] = auth.uid()::text"
OWN = "bucket_id = 'avatars' and (storage.foldername(name))[1] = :uid"
CHANNEL = "topic = 'room:' || :uid"


def files(authenticated: dict[str, str], scope: str = OWN) -> Any:
    """Return the section for files of storage."""
    return section(
        scopes={"storage.objects": {"own": scope}},
        matrix={
            "storage.objects": {
                "anon": every_verb("deny"),
                "authenticated": authenticated,
                "service_role": every_verb("allow"),
            }
        },
    )


def outcomes(database: Database, rls: Any) -> dict[str, str]:
    """Return what was observed and came out of each of the users' and visitors' cells."""
    cells = observe_matrix(database, rls, makes_rows=True)
    return {f"{one.role} {one.verb}": f"{one.observed}: {one.outcome}" for one in cells if one.outcome is not Outcome.PASS}


def test_a_table_of_the_platform_is_exposed_once_it_has_a_policy_or_is_declared(hosted_database: Database) -> None:
    assert read_tables(hosted_database, ["public"]) == []
    assert [one.display_name for one in read_tables(hosted_database, ["public"], ["storage.objects"])] == ["storage.objects"]
    apply(hosted_database, "create policy p on realtime.messages for select to authenticated using (true)")
    assert [one.display_name for one in read_tables(hosted_database, ["public"])] == ["realtime.messages"]


def test_files_are_tried_by_bucket_and_folder_without_any_in_the_fixtures(hosted_database: Database) -> None:
    apply(hosted_database, f"create policy own on storage.objects to authenticated using ({OWN_FOLDER})")
    assert outcomes(hosted_database, files(every_verb("own"))) == {}
    wide = OWN.partition(" and ")[0]
    found = outcomes(hosted_database, files(every_verb("own"), wide))
    assert found["authenticated select"].endswith(": fail")


def test_a_policy_that_forgets_the_bucket_or_the_folder_or_is_for_everybody_is_found(hosted_database: Database) -> None:
    for policy in (
        "to authenticated using ((storage.foldername(name))[1] = auth.uid()::text)",
        "to authenticated using (bucket_id = 'avatars')",
        "to authenticated using (owner_id = auth.uid()::text)",
    ):
        apply(hosted_database, f"create policy own on storage.objects {policy}")
        found = outcomes(hosted_database, files(every_verb("own")))
        assert set(found) == {f"authenticated {verb}" for verb in ("select", "insert", "update", "delete")}, policy
        apply(hosted_database, "drop policy own on storage.objects")
    apply(hosted_database, f"create policy own on storage.objects to authenticated using ({OWN_FOLDER})")
    apply(hosted_database, "create policy open on storage.objects for all to anon using (true)")
    assert outcomes(hosted_database, files(every_verb("own"))) == {
        f"anon {verb}": "allow: fail" for verb in ("select", "insert", "update", "delete")
    }
    with hosted_database.connect() as connection:
        assert connection.execute("select count(*) from storage.objects").fetchone() == {"count": 0}


def test_a_policy_that_takes_names_for_ids_is_tried_with_such_names(hosted_database: Database) -> None:
    named = "bucket_id = 'avatars' and split_part(storage.filename(name), '.', 1)::uuid = auth.uid()"
    apply(hosted_database, f"create policy own on storage.objects to authenticated using ({named})")
    assert outcomes(hosted_database, files(every_verb("own"), named.replace("auth.uid()", ":uid"))) == {}


def messages(word: str) -> Any:
    verbs = {"select": word, "insert": word, "update": "deny", "delete": "deny"}
    return section(
        scopes={"realtime.messages": {"own": CHANNEL}},
        matrix={
            "realtime.messages": {
                "anon": every_verb("deny"),
                "authenticated": verbs,
                "service_role": {**verbs, "select": "allow", "insert": "allow", "update": "allow"},
            }
        },
    )


def test_messages_are_tried_channel_by_channel(hosted_database: Database) -> None:
    own = "(select realtime.topic()) = 'room:' || auth.uid()"
    apply(
        hosted_database,
        f"create policy hear on realtime.messages for select to authenticated using ({own})",
        f"create policy speak on realtime.messages for insert to authenticated with check ({own})",
    )
    assert outcomes(hosted_database, messages("own")) == {}
    apply(hosted_database, "create policy open on realtime.messages for select to anon using (true)")
    assert outcomes(hosted_database, messages("own")) == {"anon select": "allow: fail"}
    apply(hosted_database, "drop policy open on realtime.messages", "drop policy hear on realtime.messages")
    apply(
        hosted_database,
        "create policy hear on realtime.messages for select to authenticated using (realtime.topic() like 'room:%')",
    )
    assert outcomes(hosted_database, messages("own"))["authenticated select"].endswith(": fail")


def test_folders_and_channels_are_named_after_what_policies_speak_of() -> None:
    words = PolicyWords(texts=("avatars", "public", "png", "team:"), buckets=("avatars",), values=("t1",))
    names = dict(files_of(words, [ANA, BEN]))
    assert {f"{ANA}/launch-readiness.txt", "public/launch-readiness.png", f"public/{BEN}/launch-readiness.txt"} <= set(names)
    assert names[f"{ANA}/of-another.txt"] == BEN
    assert {"team:t1", f"team:{ANA}", "launch-readiness"} <= set(topics_of(words, [ANA, BEN]))
