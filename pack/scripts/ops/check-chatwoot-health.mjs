#!/usr/bin/env node
// Ask Chatwoot whether it is well, and print what it said as JSON. For a machine with Node; check-chatwoot-health.sh says the same.
//
// Usage: CHATWOOT_URL=https://... CHATWOOT_API_TOKEN=... CHATWOOT_ACCOUNT_ID=1 check-chatwoot-health.mjs
// Exit codes: 0 healthy; 1 it answered, and badly; 2 it could not be looked at, or a variable is missing.
// Optional: CHATWOOT_VERSIONS (patterns, by spaces), CHATWOOT_MIN_INBOXES, MAX_CLOCK_SKEW_S, ATTEMPTS, TIMEOUT_S,
// DEADLINE_S, MAX_BODY_BYTES. Of the answers only listed fields are told: profile and inboxes carry tokens.
import { die, items, report, requireSet, requireTls } from "./health-common.mjs";

const env = process.env;
const VERSIONS = env.CHATWOOT_VERSIONS || "4.*";
const MIN_INBOXES = env.CHATWOOT_MIN_INBOXES || "1";
const MAX_CLOCK_SKEW_S = env.MAX_CLOCK_SKEW_S || "120";

requireSet("CHATWOOT_URL", "CHATWOOT_API_TOKEN", "CHATWOOT_ACCOUNT_ID");
const id = env.CHATWOOT_ACCOUNT_ID;
if (!/^\d+$/.test(id)) die("CHATWOOT_ACCOUNT_ID is not a number. Fix: Set the account's id.");
requireTls(env.CHATWOOT_URL, "CHATWOOT_URL");
// The spelling with hyphens: nginx by default drops headers with underscores.
const headers = { "Api-Access-Token": env.CHATWOOT_API_TOKEN };
const account = `/api/v1/accounts/${id}`;
let role = "";

// A pattern as a shell has it: *, ? and [...].
function matches(version, pattern) {
  const parts = pattern.match(/\[!?[^\]]+\]|[^]/g) || [];
  const said = parts.map((part) => {
    if (part === "*") return ".*";
    if (part === "?") return ".";
    return part.length > 1 ? part.replace("[!", "[^") : part.replace(/[\\^$.|+(){}[\]]/, "\\$&");
  });
  return new RegExp(`^${said.join("")}$`).test(version);
}

function judgeServices(answer) {
  answer.mustBe("queue_services", "ok");
  answer.mustBe("data_services", "ok");
  answer.mustHave("version", "timestamp");
  const version = answer.field("version");
  const patterns = VERSIONS.split(" ").filter(Boolean);
  if (!patterns.some((one) => matches(version, one))) {
    answer.problem(`version ${version || "missing"} is not one of ${VERSIONS.replaceAll(" ", ", ")}`);
  }
  // A cache answers with an old timestamp.
  const stamp = /^(\d{4})-(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2})$/.exec(answer.field("timestamp"));
  if (!stamp) return;
  const [year, month, ...rest] = stamp.slice(1).map(Number);
  const away = Math.abs(Date.UTC(year, month - 1, ...rest) / 1000 - Math.floor(Date.now() / 1000));
  if (away > Number(MAX_CLOCK_SKEW_S)) answer.problem(`its clock is ${away} s away from ours, more than ${MAX_CLOCK_SKEW_S} s`);
}

function judgeProfile(answer) {
  const accounts = answer.list("accounts");
  const own = (accounts || []).filter((one) => String(one?.id) === id);
  role = own.length ? String(own.at(-1).role ?? "") : "";
  role = role || answer.field("role");
  if (!accounts) return;
  answer.eachMustHave(accounts, "id", "status");
  answer.mustCount(accounts, 1);
  answer.mustInclude(accounts, "id", id);
}

function judgeAccount(answer) {
  answer.mustBe("status", "active");
  answer.mustHave("id", "name");
}

function judgeInboxes(answer) {
  const inboxes = answer.list("payload");
  if (!inboxes) return;
  answer.eachMustHave(inboxes, "id", "name", "channel_type");
  answer.mustCount(inboxes, MIN_INBOXES);
  const bad = inboxes.filter((one) => String(one?.reauthorization_required) === "true");
  if (bad.length) answer.problem(`reauthorization_required is yes of ${bad.map((one) => one.id ?? "").join(", ")}`);
  // An agent sees only the inboxes it was added to: what it is not shown may be there.
  if (role === "agent" && answer.problems.length === 1 && answer.problems[0].startsWith("there are ")) {
    answer.problems = [`an agent sees only the inboxes it was added to, here ${inboxes.length}: ${answer.problems[0]}`];
    answer.found = "not seen by an agent";
  }
}

await report("chatwoot", env.CHATWOOT_URL, [
  {
    endpoint: "alive", check: "health.chatwoot_is_alive", path: "/health",
    expected: "status is woot", judge: (answer) => answer.mustBe("status", "woot"),
  },
  {
    endpoint: "services", check: "health.chatwoot_services_ok", path: "/api", judge: judgeServices,
    expected: `queue_services is ok; data_services is ok; version like ${VERSIONS.replaceAll(" ", " or ")}; version and timestamp there`,
  },
  {
    endpoint: "profile", check: "health.chatwoot_token_accepted", path: "/api/v1/profile", headers, judge: judgeProfile,
    expected: `at least ${items(1)}; id ${id} among them; id and status there`,
  },
  {
    endpoint: "account", check: "health.chatwoot_account_active", path: account, headers, judge: judgeAccount,
    expected: "status is active; id and name there",
  },
  {
    endpoint: "inboxes", check: "health.chatwoot_inboxes_connected", path: `${account}/inboxes`, headers, judge: judgeInboxes,
    expected: `at least ${items(MIN_INBOXES)}; id, name and channel_type there; reauthorization_required never yes`,
  },
]);
