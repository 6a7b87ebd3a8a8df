#!/usr/bin/env node
// Ask Publer whether our key, workspace and social accounts are well, and print what it said as JSON.
// For a machine with Node; check-publer-health.sh says the same. It asks three times; Publer allows 100 requests in two minutes.
//
// Usage: PUBLER_API_KEY=... PUBLER_WORKSPACE_ID=... check-publer-health.mjs
// Exit codes: 0 healthy; 1 it answered, and badly; 2 it could not be looked at, or a variable is missing.
// Optional: PUBLER_URL, PUBLER_MIN_ACCOUNTS, ATTEMPTS, TIMEOUT_S, DEADLINE_S, MAX_BODY_BYTES.
import { items, report, requireSet, requireTls } from "./health-common.mjs";

const env = process.env;
env.PUBLER_URL ||= "https://app.publer.com/api/v1";
const MIN_ACCOUNTS = env.PUBLER_MIN_ACCOUNTS || "1";

requireSet("PUBLER_URL", "PUBLER_API_KEY", "PUBLER_WORKSPACE_ID");
requireTls(env.PUBLER_URL, "PUBLER_URL");
const workspace = env.PUBLER_WORKSPACE_ID;
// Publer's own scheme; a plain Bearer is refused.
const headers = { Authorization: `Bearer-API ${env.PUBLER_API_KEY}`, "Publer-Workspace-Id": workspace };

function judgeWorkspaces(answer) {
  const workspaces = answer.list("");
  if (!workspaces) return;
  answer.eachMustHave(workspaces, "id", "name", "plan");
  answer.mustInclude(workspaces, "id", workspace);
}

function judgeAccounts(answer) {
  const accounts = answer.list("");
  if (!accounts) return;
  answer.eachMustHave(accounts, "id", "provider", "name", "type");
  answer.mustCount(accounts, MIN_ACCOUNTS);
}

await report("publer", env.PUBLER_URL, [
  {
    endpoint: "user", check: "health.publer_token_accepted", path: "/users/me", headers,
    expected: "id and name there", judge: (answer) => answer.mustHave("id", "name"),
  },
  {
    endpoint: "workspaces", check: "health.publer_workspace_found", path: "/workspaces", headers, judge: judgeWorkspaces,
    expected: `id ${workspace} among them; id, name and plan there`,
  },
  {
    endpoint: "accounts", check: "health.publer_accounts_connected", path: "/accounts", headers, judge: judgeAccounts,
    expected: `at least ${items(MIN_ACCOUNTS)}; id, provider, name and type there`,
  },
]);
