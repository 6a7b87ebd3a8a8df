// npm run scan: no credential lies in the project's files. It tells where and which kind, never the value.
import { isProgram, readFiles, report } from "./files.mjs";

const KINDS = {
  "a private key": /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/,
  "a GitHub token": /\b(?:gh[oprsu]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})/,
  "a Fly.io token": /\b(?:FlyV1 +fm\d_|fm\d_|fo1_)[A-Za-z0-9_+/=-]{20,}/,
  "a Supabase key": /\b(?:sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{20,})/,
  "an AWS key": /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/,
  "a Slack token": /\bxox[abprs]-[A-Za-z0-9-]{10,}/,
  "a JSON web token": /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/,
  "a database address with its password": /\bpostgres(?:ql)?:\/\/[^:@/\s"']+:(?!\$|<|\{|password@|postgres@|\.\.\.)[^@/\s"']{4,}@/,
};
const ALLOWED = "pragma: allowlist secret";

/** Return each line of a file that holds a credential. */
export function findCredentials({ path, text }) {
  return text.split("\n").flatMap((line, place) =>
    line.includes(ALLOWED)
      ? []
      : Object.entries(KINDS)
          .filter(([, shape]) => shape.test(line))
          .map(([kind]) => ({ path, line: place + 1, what: `${kind}; take it out and change it` })),
  );
}

if (isProgram(import.meta.url)) {
  // The sample's vault stands for one that is in no repository; its values are made up.
  const files = readFiles().filter(({ path }) => !path.startsWith("vault/"));
  process.exitCode = report("scan", files.length, files.flatMap(findCredentials));
}
