// npm run fmt: every text file has one shape of white space, and JSON is JSON. `--fix` corrects what it can.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isProgram, readFiles, report, ROOT } from "./files.mjs";

const NO_TABS = /\.(sql|json|ya?ml|toml|mjs|py|md)$/;

/** Return the text in its right shape. */
export function format(text) {
  const lines = text.replaceAll("\r\n", "\n").split("\n").map((line) => line.replace(/[ \t]+$/, ""));
  return `${lines.join("\n").replace(/\n+$/, "")}\n`;
}

/** Return what is out of shape in one file, and nothing for one that is empty. */
export function findMisshapen({ path, text }) {
  if (text === "") return [];
  const findings = [];
  const right = format(text);
  if (right !== text) findings.push({ path, line: firstDifference(text, right), what: "not as `npm run fmt:fix` leaves it" });
  if (path.endsWith(".json") && !isJson(text)) findings.push({ path, what: "no valid JSON" });
  const tab = NO_TABS.test(path) ? text.split("\n").findIndex((line) => line.includes("\t")) : -1;
  if (tab >= 0) findings.push({ path, line: tab + 1, what: "a tab" });
  return findings;
}

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function firstDifference(text, right) {
  const [ours, theirs] = [text.split("\n"), right.split("\n")];
  return ours.findIndex((line, place) => line !== theirs[place]) + 1;
}

/** Return the files whose shape is ours to say: a vault's values and attached outputs, known by their sha256, stay as they are. */
function readOurs() {
  return readFiles().filter(({ path }) => !path.startsWith("vault/") && !path.startsWith("artifacts/ops/"));
}

if (isProgram(import.meta.url)) {
  const misshapen = process.argv.includes("--fix") ? readOurs().filter((file) => findMisshapen(file).length > 0) : [];
  for (const { path, text } of misshapen) {
    writeFileSync(join(ROOT, path), format(text));
    console.log(`corrected ${path}`);
  }
  const files = readOurs();
  process.exitCode = report("fmt", files.length, files.flatMap(findMisshapen));
}
