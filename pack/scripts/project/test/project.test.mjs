import assert from "node:assert/strict";
import { test } from "node:test";
import { readFiles } from "../files.mjs";

const files = readFiles();
const texts = new Map(files.map(({ path, text }) => [path, text]));
const apps = files.filter(({ path }) => /^fly[^/]*\.toml$/.test(path));

function readSetting(text, name) {
  return new RegExp(`^ *${name} = "?([^"\\n]+)"?$`, "m").exec(text)?.[1];
}

test("every app on Fly.io has a name of its own", () => {
  const names = apps.map(({ text }) => readSetting(text, "app"));
  assert.ok(names.length >= 2 && names.every(Boolean));
  assert.equal(new Set(names).size, names.length);
});

test("every app listens where Fly.io asks, and is asked for its health", () => {
  for (const { path, text } of apps) {
    assert.equal(readSetting(text, "internal_port"), readSetting(text, "PORT"), path);
    assert.equal(readSetting(text, "path"), "/health", path);
  }
});

test("every alert has its runbook, and the unit tests name it", () => {
  const alerts = [...texts.get("prometheus-alerts.yml").matchAll(/- alert: *(\w+)/g)].map(([, name]) => name);
  assert.ok(alerts.length > 0);
  for (const name of alerts) {
    assert.ok(texts.get("docs/runbooks/alerts.md").includes(name), name);
    assert.ok(texts.get("prometheus-alerts.test.yml").includes(name), name);
  }
});

test("every table that a migration makes has row level security", () => {
  const migrations = files.filter(({ path }) => path.startsWith("supabase/migrations/")).map(({ text }) => text.toLowerCase()).join("\n");
  const tables = [...migrations.matchAll(/create table (public\.\w+)/g)].map(([, name]) => name);
  assert.ok(tables.length >= 10);
  for (const table of tables) assert.match(migrations, new RegExp(`alter table ${table}\\s+enable row level security`), table);
});

test("the seed uses addresses that reach nobody", () => {
  const domains = [...texts.get("supabase/seed.sql").matchAll(/@([a-z0-9-]+(?:\.[a-z0-9-]+)+)/g)].map(([, name]) => name);
  assert.ok(domains.length > 0);
  assert.ok(domains.every((name) => /(^|\.)example\.(com|org|net)$/.test(name)), domains.join(", "));
});
