"""The contract of this task on one page: its section of params, its checks, and what it needs."""

from __future__ import annotations

from lib.clients.postgres.rls.declared import Rls as Rls
from lib.core.results import Check
from lib.core.section import Borrowed
from lib.tasks.base import Task

PACK_SCHEMAS = Borrowed("migrations", "schemas", list[str])
MIGRATION_TIMEOUT_S = Borrowed("migrations", "command_timeout_s", float)
REHEARSAL_ROWS = Borrowed("seed", "rehearsal_rows", str)

EVERY_TABLE_ENABLED = Check(
    "rls.every_table_enabled",
    "Every exposed table has row level security on",
    subject="database",
    fix="Run `alter table <table> enable row level security;` in a migration.",
    doc="Reads from the catalogue whether row level security is on for every table of the exposed schemas. Without it a "
    "grant alone decides, and policies on the table are not enforced. Tables of extensions are left out, and a schema "
    "that is exposed but missing from rls.schemas is not checked.",
)
NO_POLICY_WITHOUT_RLS = Check(
    "rls.no_policy_without_rls",
    "No policy is on a table without row level security",
    subject="database",
    fix="Run `alter table <table> enable row level security;` in a migration, or drop the policies.",
    doc="Looks for tables outside the exposed schemas that have policies while row level security is off. Such policies "
    "look like protection and do nothing. Exposed tables are judged by every_table_enabled, and the vendor's schemas "
    "are left out.",
)
EVERY_TABLE_IS_DECLARED = Check(
    "rls.every_table_is_declared",
    "The declared matrix covers every exposed table, role and verb",
    subject="database",
    fix="Declare each missing table, role and verb in rls.matrix of the params file.",
    doc="Compares rls.matrix with the tables of the exposed schemas, in both directions, for every role and verb. A table "
    "that nobody declared would never be tried. A partition without its own policy needs no declaration, because it "
    "is only reached through its parent.",
)
VIEWS_ARE_SECURITY_INVOKER = Check(
    "rls.views_are_security_invoker",
    "Every exposed view applies the policies of its reader",
    subject="database",
    fix="Run `alter view <view> set (security_invoker = true);`, or revoke a materialized view from the API roles.",
    doc="Reads the options of every view of the exposed schemas, and who may read each materialized view. A view without "
    "security_invoker reads with its owner's rights, so it shows rows that the policies hide; so does one that selects from "
    "such a view elsewhere. Rules, which write with the owner's rights, and foreign tables, which have no policies, fail as "
    "well. A view over harmless tables fails too: the check does not examine what it selects.",
)
DEFINER_FUNCTIONS_FIX_SEARCH_PATH = Check(
    "rls.definer_functions_fix_search_path",
    "Every security-definer function fixes its search path",
    subject="database",
    fix="Run `alter function <function> set search_path = '';` in a migration.",
    doc="Reads from the catalogue whether every security-definer function of the project has its own search_path setting. "
    "Without it the caller decides which tables and functions the names in it mean, and it runs with the owner's "
    "rights. Any fixed path passes, even one with a schema that others may write to.",
)
EXPOSED_FUNCTIONS_ARE_DECLARED = Check(
    "rls.exposed_functions_are_declared",
    "Every exposed security-definer function is declared for each role that may call it",
    subject="database",
    fix="Declare it in rls.functions of the params file, or revoke execute on it from the role.",
    doc="Compares rls.functions with the security-definer functions and procedures of the exposed schemas, in both directions, "
    "for every role under policies that may execute them. Such a function runs past every policy, so nobody knows what it "
    "opens unless it is said. Functions of triggers can't be called, and for others the caller's policies hold.",
)
FUNCTIONS_KEEP_TO_MATRIX = Check(
    "rls.functions_keep_to_matrix",
    "No exposed function gives its caller more than the matrix does",
    subject="database",
    fix="Correct the function, revoke execute on it, or declare it as `any` in rls.functions if that is intended.",
    doc="Calls every exposed function as every identity that may execute it, with arguments taken from rows that the identity "
    "may not reach, and undoes each call. An answer may hold no value of such a row, a security-definer function's may not "
    "depend on one, and what changes must be what the matrix allows. On a live database that is done on the twin. It proves "
    "this for the calls that were made; a security-definer function of which no call went through is undetermined.",
)
PROBES_COULD_BE_MADE = Check(
    "rls.probes_could_be_made",
    "Every cell of the matrix could really be tried",
    subject="database",
    fix="Add rows to the fixtures that distinguish the scopes: one row in each scope and one outside.",
    doc="Counts the cells of the matrix that were determined by trying. A cell is inconclusive when no row distinguishes "
    "two scopes, no valid row could be built, or a scope was tried as fewer than two users; it is an error, never a "
    "deny. On a live database all of it is tried on a twin of it.",
)
MATRIX_MATCHES_DECLARED = Check(
    "rls.matrix_matches_declared",
    "Every role can do what is declared, and nothing else",
    subject="database",
    fix="Correct the policy; or correct rls.matrix in the params file, if the behaviour is intended.",
    doc="Tries every verb as every identity on every declared table, in one transaction that is rolled back, and compares "
    "the rows that were touched with the declared scope. On a live database that is done on a twin with its schema, filled "
    "with the fixtures; what is declared as denied is read on the live one, too. It finds what a review of policies misses, "
    "such as triggers, functions and updates that move a row. It proves this for the rows and identities that exist: "
    "another user or another row may behave differently.",
)
API_AGREES_WITH_SQL = Check(
    "rls.api_agrees_with_sql",
    "Over HTTP every identity can do what it can in SQL, and nothing else",
    subject="database",
    promotes=False,
    fix="Look at what stands between the API and the database: the schemas it exposes, its pre-request function, the membership "
    "of authenticator, and policies that read the request.",
    doc="Asks the project's REST API as every identity, each with a signed token, how many rows of each declared table it sees, "
    "and to insert, change and delete one row inside and one outside of what SQL allowed, and compares. It finds what only a "
    "request meets: a pre-request function, a schema that is not exposed, a policy that reads headers or claims. In a rehearsal "
    "the API is a stand-in with PostgREST's rules, and every write is rolled back; a live one is only read, and only whether "
    "there are rows is compared. Where a live API is not named beside its database nothing is asked.",
)
ROLES_STAY_APART = Check(
    "rls.roles_stay_apart",
    "No role of the API can step past the policies",
    subject="database",
    fix="Revoke the membership, or alter the role back, in a migration.",
    doc="Reads the attributes of anon, authenticated and the other roles that the matrix restricts, and of every role that one "
    "of them is a member of, directly or through others: none may be a superuser, bypass row level security, make roles, use "
    "every table, or own an exposed one. authenticator may become service_role, as on every hosted project, and no other such "
    "role.",
)
GRANTS_MATCH_DECLARED = Check(
    "rls.grants_match_declared",
    "Every role holds the grants that the matrix needs",
    subject="database",
    fix="Grant the missing privilege in a migration: new tables are no longer granted by default.",
    doc="Compares each role's grants on tables, columns, schema and sequences with the verbs that the matrix allows. From "
    "outside, a missing grant and a strict policy look the same, and hosted projects no longer grant new tables. A "
    "verb is granted on every column, or on exactly those that rls.columns declares.",
)
NO_SPARE_GRANTS = Check(
    "rls.no_spare_grants",
    "No role holds a grant that the matrix does not need",
    subject="database",
    gate=False,
    fix="Revoke the spare grant in a migration, so that a policy is not the only protection.",
    doc="Looks for grants of a verb that the matrix denies to the role, for what everybody (PUBLIC) is granted, and for rights "
    "that no policy restricts: TRUNCATE, and REFERENCES, TRIGGER and MAINTAIN where they were granted by name. With a spare "
    "grant a single wrong policy opens the table. It advises only, because policies still apply to the rest.",
)
NEW_TABLES_START_CLOSED = Check(
    "rls.new_tables_start_closed",
    "Default privileges open no more of what is to come than the platform's own",
    subject="database",
    gate=False,
    fix="Revoke the default privilege in a migration, and grant each new table by name.",
    doc="Reads what default privileges will give the API's roles, and everybody, on the next table, sequence and function of "
    "each exposed schema. What a hosted project of its time starts with in public is left out; config.toml says whether new "
    "tables are open there. It advises only, because a new table is judged once it is there.",
)
TWIN_GRANTS_THE_SAME = Check(
    "rls.twin_grants_the_same",
    "What decides access is the same on the live database and on the twin",
    subject="database",
    fix="Run again; if it differs still, bring the live database to what the migrations build.",
    doc="On a live database roles are tried on a twin that the fixtures fill, so this compares what decides access there, "
    "object by object: policies, grants, functions, views, triggers, owners, default privileges. Without it a pass of the "
    "twin would say nothing about the live database. Not due where the database was started for the run: it is tried itself.",
)
PGTAP_TESTS_PASS = Check(
    "rls.pgtap_tests_pass",
    "The project's own pgTAP tests pass",
    subject="database",
    optional=True,
    fix="Read the output of the file that the detail names.",
    doc="Sends each file in supabase/tests to the server, statement by statement, in a transaction that is rolled back, and "
    "reads its TAP. A file that ran no test, did not run as many as planned, printed results that pgTAP itself did not count, "
    "or left its transaction counts as failed, and so does one whose tests were all skipped or are all to do. A file that "
    "commits, or has a command of psql in it, is not run and counts as failed. Other tests that were skipped or are to do are "
    "left out of the count, and named.",
)
CHECKS: tuple[Check, ...] = (
    EVERY_TABLE_ENABLED,
    NO_POLICY_WITHOUT_RLS,
    EVERY_TABLE_IS_DECLARED,
    VIEWS_ARE_SECURITY_INVOKER,
    DEFINER_FUNCTIONS_FIX_SEARCH_PATH,
    EXPOSED_FUNCTIONS_ARE_DECLARED,
    FUNCTIONS_KEEP_TO_MATRIX,
    PROBES_COULD_BE_MADE,
    MATRIX_MATCHES_DECLARED,
    API_AGREES_WITH_SQL,
    TWIN_GRANTS_THE_SAME,
    ROLES_STAY_APART,
    GRANTS_MATCH_DECLARED,
    NO_SPARE_GRANTS,
    NEW_TABLES_START_CLOSED,
    PGTAP_TESTS_PASS,
)

TASK = Task(
    name="rls",
    title="Row level security",
    notebook="02_rls.ipynb",
    checks=CHECKS,
    settings=Rls,
    borrows=(PACK_SCHEMAS, MIGRATION_TIMEOUT_S, REHEARSAL_ROWS),
    waits_for=("seed",),
)
