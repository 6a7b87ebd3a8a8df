// npm run lint: what the files promise each other holds. Migrations have rollbacks and bound their waits, scripts parse,
// links in Markdown lead somewhere.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { isProgram, readFiles, report, ROOT } from "./files.mjs";

const MIGRATION = /^supabase\/migrations\/(\d{14})_[a-z0-9_]+\.sql$/;

/** Return what is wrong among the migrations: names, rollbacks, and waits without a limit. */
export function lintMigrations(files) {
  const paths = new Set(files.map(({ path }) => path));
  const versions = new Map();
  const findings = [];
  for (const { path, text } of files.filter((file) => /^supabase\/(migrations|rollbacks)\//.test(file.path))) {
    if (!/^(\s*--[^\n]*\n|\s)*set local lock_timeout\b/i.test(text)) findings.push({ path, what: "does not start by setting lock_timeout" });
    if (path.startsWith("supabase/rollbacks/")) continue;
    const version = MIGRATION.exec(path)?.[1];
    if (!version) findings.push({ path, what: "is not named <14 digits>_<words>.sql" });
    if (version && versions.has(version)) findings.push({ path, what: `has the version of ${versions.get(version)}` });
    versions.set(version, path);
    if (!paths.has(path.replace("migrations/", "rollbacks/"))) findings.push({ path, what: "has no rollback of the same name" });
  }
  return findings;
}

/** Return the headings of a Markdown text as the anchors GitHub gives them. */
export function anchorsOf(text) {
  return [...text.matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, title]) =>
    title.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"),
  );
}

/** Return the relative links of Markdown files that lead to no file, or to no heading in it. */
export function lintLinks(files, exists) {
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const findings = [];
  for (const { path, text } of files.filter((file) => file.path.endsWith(".md"))) {
    text.split("\n").forEach((words, place) => {
      for (const [, link] of words.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z][a-z0-9+.-]*:/i.test(link)) continue;
        const [to, anchor] = link.split("#");
        const target = to ? join(dirname(path), decodeURI(to)) : path;
        const leads = exists(target) && (!anchor || anchorsOf(texts.get(target) ?? "").includes(anchor));
        if (!leads) findings.push({ path, line: place + 1, what: `the link ${link} leads nowhere` });
      }
    });
  }
  return findings;
}

/** Return the scripts that their own interpreter can't parse. */
export function lintScripts(files) {
  const parsers = { sh: ["bash", "-n"], bash: ["bash", "-n"], mjs: [process.execPath, "--check"] };
  return files.flatMap(({ path }) => {
    const parser = parsers[path.split(".").pop()];
    if (!parser) return [];
    const [program, option] = parser;
    const run = spawnSync(program, [option, path], { cwd: ROOT, encoding: "utf8" });
    if (run.error) return [{ path, what: `${program} could not be started: ${run.error.code}` }];
    return run.status === 0 ? [] : [{ path, what: run.stderr.trim().split("\n")[0] }];
  });
}

if (isProgram(import.meta.url)) {
  const files = readFiles();
  const findings = [...lintMigrations(files), ...lintLinks(files, (path) => existsSync(join(ROOT, path))), ...lintScripts(files)];
  process.exitCode = report("lint", files.length, findings);
}
