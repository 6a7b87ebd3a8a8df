import assert from "node:assert/strict";
import { test } from "node:test";
import { backupName, dumpArguments, missingSetting } from "../backup.mjs";
import { findMisshapen, format } from "../fmt.mjs";
import { anchorsOf, lintLinks, lintMigrations } from "../lint.mjs";
import { findCredentials } from "../scan.mjs";

const MIGRATION = "supabase/migrations/20260101000000_a.sql";
const bounded = "-- Why.\nset local lock_timeout = '2s';\nselect 1;\n";

test("a file in shape is left as it is", () => {
  assert.equal(format(bounded), bounded);
  assert.deepEqual(findMisshapen({ path: "a.sql", text: bounded }), []);
});

test("white space at a line's end is found, and corrected", () => {
  const [finding] = findMisshapen({ path: "a.yml", text: "a: 1\nb: 2 \n" });
  assert.equal(finding.line, 2);
  assert.equal(format("a: 1\nb: 2 \n\n\n"), "a: 1\nb: 2\n");
});

test("What is not valid JSON is reported, not corrected", () => {
  assert.match(findMisshapen({ path: "a.json", text: "{\n" })[0].what, /no valid JSON/);
});

test("a migration without a rollback is found, one with it is not", () => {
  const migration = { path: MIGRATION, text: bounded };
  const rollback = { path: MIGRATION.replace("migrations/", "rollbacks/"), text: bounded };
  assert.match(lintMigrations([migration])[0].what, /no rollback/);
  assert.deepEqual(lintMigrations([migration, rollback]), []);
});

test("two migrations of one version are found", () => {
  const files = ["a", "b"].flatMap((name) =>
    ["migrations", "rollbacks"].map((folder) => ({ path: `supabase/${folder}/20260101000000_${name}.sql`, text: bounded })),
  );
  assert.match(lintMigrations(files)[0].what, /has the version of/);
});

test("a migration that may wait for ever is found", () => {
  const files = ["migrations", "rollbacks"].map((folder) => ({ path: `supabase/${folder}/20260101000000_a.sql`, text: "select 1;\n" }));
  assert.equal(lintMigrations(files).length, 2);
});

test("a link to a heading that is not there is found", () => {
  const text = "# Tiles load slowly\n[here](#tiles-load-slowly) [there](#gone) [out](https://example.com/#x)\n";
  assert.deepEqual(anchorsOf(text), ["tiles-load-slowly"]);
  assert.deepEqual(lintLinks([{ path: "a.md", text }], () => true).map(({ what }) => what), ["the link #gone leads nowhere"]);
});

test("a token is found by its form, and its value is not told", () => {
  const token = `ghp_${"a1B2".repeat(9)}`;
  const [finding] = findCredentials({ path: "a.sh", text: `curl -H "Authorization: ${token}"\n` });
  assert.match(finding.what, /GitHub token/);
  assert.ok(!JSON.stringify(finding).includes(token));
});

test("what only looks like a credential is not one", () => {
  const text = "url: postgresql://app:${PASSWORD}@db/postgres\nsee postgres://user:password@host/db\ntoken: ghp_short\n";
  assert.deepEqual(findCredentials({ path: "a.yml", text }), []);
});

test("a backup is asked for without a credential on the command line", () => {
  assert.ok(dumpArguments("/x/y.dump").every((word) => !/password=|@/i.test(word)));
  assert.equal(backupName(new Date("2026-01-02T03:04:05.678Z")), "idea-board-20260102T030405Z.dump");
});

test("a backup of no named database is refused", () => {
  assert.match(missingSetting({ PGHOST: "db" }), /PGUSER, PGDATABASE must be set/);
  assert.equal(missingSetting({ PGHOST: "db", PGUSER: "a", PGDATABASE: "b" }), null);
});
