// The project's own text files, and how its commands tell what they found.
import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const LEFT_OUT = new Set([".git", "node_modules", "__pycache__", ".temp", ".branches", "backups"]);
const TEXT = /\.(sql|json|ya?ml|toml|md|mjs|py|sh|bash|txt|env)$|(^|\/)(Dockerfile|\.gitignore)$/;

/** Return every text file below a folder as {path, text}, sorted; path is from that folder, with slashes. */
export function readFiles(root = ROOT) {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)).split(sep).join("/"))
    .filter((path) => TEXT.test(path) && !path.split("/").some((part) => LEFT_OUT.has(part)))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

/** Print findings ({path, line, what}) and return the exit code: 0 none, 1 some, 2 nothing was looked at. */
export function report(command, looked, findings) {
  if (looked === 0) {
    console.error(`${command}: there was nothing to look at.`);
    return 2;
  }
  for (const { path, line, what } of findings) console.error(`${path}${line ? `:${line}` : ""}: ${what}`);
  console.log(`${command}: ${looked} files looked at, ${findings.length} findings.`);
  return findings.length === 0 ? 0 : 1;
}

/** Tell whether a module is the program itself. */
export function isProgram(url) {
  return realpathSync(process.argv[1] ?? ".") === realpathSync(fileURLToPath(url));
}
