// npm run backup: one file with everything that is the project's in its database, whole or not there at all.
// The database is that of PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE; nothing secret is on a command line.
// The file goes into BACKUP_DIR, or into backups/ here.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { isProgram, ROOT } from "./files.mjs";

/** The project's own schemas, the history of its migrations, and the users and files that its rows point to. */
export const SCHEMAS = ["public", "private", "supabase_migrations", "auth", "storage"];

/** What the platform notes for itself; a fresh project has its own. */
export const ROWS_LEFT_OUT = ["auth.schema_migrations", "storage.migrations"];

/** Return the name of a backup taken at a time, in an order that sorts. */
export function backupName(time) {
  return `idea-board-${time.toISOString().replace(/[-:]|\.\d+/g, "")}.dump`;
}

/** Return what pg_dump is asked for. */
export function dumpArguments(file) {
  return [
    "--format=custom",
    "--compress=1",
    "--no-password",
    "--lock-wait-timeout=30s",
    "--extension=*",
    ...SCHEMAS.map((schema) => `--schema=${schema}`),
    ...ROWS_LEFT_OUT.map((table) => `--exclude-table-data=${table}`),
    `--file=${file}`,
  ];
}

/** Return why there can be no backup, or null. */
export function missingSetting(variables) {
  const missing = ["PGHOST", "PGUSER", "PGDATABASE"].filter((name) => !variables[name]);
  return missing.length > 0 ? `${missing.join(", ")} must be set, so that it is known which database to back up.` : null;
}

function backUp() {
  const problem = missingSetting(process.env);
  if (problem) return fail(problem);
  const folder = process.env.BACKUP_DIR || join(ROOT, "backups");
  const file = join(folder, backupName(new Date()));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const run = spawnSync("pg_dump", dumpArguments(`${file}.part`), { encoding: "utf8" });
  if (run.error || run.status !== 0) {
    rmSync(`${file}.part`, { force: true });
    return fail(run.error ? `pg_dump could not be started: ${run.error.code}` : run.stderr.trim());
  }
  chmodSync(`${file}.part`, 0o600);
  renameSync(`${file}.part`, file);
  console.log(`backup: ${file}, ${statSync(file).size} bytes`);
  return 0;
}

function fail(reason) {
  console.error(`backup: nothing was kept. ${reason}`);
  return 1;
}

if (isProgram(import.meta.url)) process.exitCode = backUp();
