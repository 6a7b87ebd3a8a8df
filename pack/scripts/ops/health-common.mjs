// Shared by check-*-health.mjs: ask, judge, tell the result; the same words as health-common.sh. Imported, never run.
// Node alone, version 20 or newer, no packages. Credentials travel in headers alone, and are never told.
import http from "node:http";
import https from "node:https";

const env = process.env;
const number = (name, otherwise) => Number(env[name] || otherwise);
const ATTEMPTS = number("ATTEMPTS", 3); // tries of one question
const TIMEOUT_S = number("TIMEOUT_S", 5); // longest silence
const DEADLINE_S = number("DEADLINE_S", 10); // one question, tries and pauses included
const MAX_BODY_BYTES = number("MAX_BODY_BYTES", 1000000);
const MAX_RETRY_AFTER_S = number("MAX_RETRY_AFTER_S", 5);
const DEEPEST = 64;
const CONTROL = /[\u0000-\u001f\u007f]/; // eslint-disable-line no-control-regex
const AGAIN = new Set([
  "rate limited", "server error", "name not found", "connection refused", "not reachable", "no answer in time",
  "disconnected without an answer", "answer broken off", "answer too slow",
]);
const TOLD_HEADERS = new Set([
  "content-type", "date", "retry-after", "x-request-id", "x-runtime", "x-ratelimit-limit", "x-ratelimit-remaining",
  "x-ratelimit-reset",
]);
const FIXES = {
  "name not found": "Check the address, and the name's DNS record.",
  "connection refused": "See whether the service runs and listens there.",
  "certificate not trusted": "Renew the certificate, or correct the host name; don't turn verification off.",
  "TLS failed": "See which TLS versions the server offers.",
  "no answer in time": "See whether the service is overloaded, or a firewall drops us.",
  "disconnected without an answer": "Read the service's and its proxy's log: it took the connection and dropped it.",
  "not reachable": "Check the address and the network between.",
  "answer too slow": "See what the service waits for: it began to answer and did not end.",
  "answer broken off": "Read the service's and its proxy's log: the answer stopped in the middle.",
  "answer too large": "See what it sends, or raise health.max_body_bytes.",
  "redirected elsewhere": "Correct the address, or see who answers for it: credentials are not sent elsewhere.",
  "token not accepted": "Make a new token and store it where this environment reads it.",
  forbidden: "Give the token's user the role, scope or plan that this call needs.",
  "not found": "Check the path in params and the account in the environment's variables.",
  "rate limited": "Wait, and see who else uses this token.",
  "server error": "Read the service's log for this moment.",
  "HTML instead of JSON": "See which page answers: a sign-in, a maintenance page or a proxy.",
  "not JSON": "Read the service's log: its answer is not valid JSON.",
  "not seen by an agent": "Add the token's agent to each inbox in Chatwoot, or use the token of an administrator.",
  "not as expected": "Compare the answer with what params expect, and correct the one that is wrong.",
};
const OTHER_FIX = "Compare the path in params with the vendor's documentation.";

// Wrong input: one sentence, exit 2.
export function die(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(2);
}

// Each variable must be set, and hold no control characters.
export function requireSet(...names) {
  for (const name of names) {
    if (!env[name]) die(`${name} is not set. Fix: Set it, and run again.`);
    if (CONTROL.test(env[name])) die(`${name} holds a control character. Fix: Set it anew.`);
  }
}

// https, but on this machine.
export function requireTls(url, name) {
  if (/^https:\/\/./.test(url) || /^http:\/\/(127\.0\.0\.1|localhost)([:/]|$)/.test(url)) return;
  die(`${name} has no TLS, and credentials would travel in the clear. Fix: Set an https:// address.`);
}

export const items = (count) => `${count} item${count === 1 || count === "1" ? "" : "s"}`;
const plain = (text) => String(text).replace(new RegExp(CONTROL, "g"), " ");
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const now = () => new Date().toISOString().replace(/\.\d+Z$/, "+00:00");

// --- ask ------------------------------------------------------------------------------------------

const UNTRUSTED = /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|CRL_|INVALID_)/;

function nameFailure(error, answered) {
  const code = String(error.code || "");
  if (code === "TIMED_OUT") return answered ? "answer too slow" : "no answer in time";
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "name not found";
  if (code === "ECONNREFUSED" || code === "EHOSTUNREACH" || code === "ENETUNREACH") return "connection refused";
  if (code === "ETIMEDOUT") return "no answer in time";
  if (UNTRUSTED.test(code)) return "certificate not trusted";
  if (code === "EPROTO" || code.startsWith("ERR_SSL") || /before secure TLS/.test(error.message)) return "TLS failed";
  if (code === "ECONNRESET" || code === "EPIPE" || code === "ECONNABORTED") {
    return answered ? "answer broken off" : "disconnected without an answer";
  }
  return answered ? "answer broken off" : "not reachable";
}

function nameStatus(status) {
  if (status >= 200 && status < 300) return "";
  if (status >= 300 && status < 400) return "redirected elsewhere";
  const named = { 401: "token not accepted", 403: "forbidden", 404: "not found", 429: "rate limited" };
  return named[status] || (status >= 500 && status < 600 ? "server error" : "unexpected status");
}

// One request. Redirects are not followed, no proxy is used.
function attempt(url, leftS, headers) {
  const began = performance.now();
  const answer = { asked_at: now(), status: null, headers: {}, size: 0, body: "", found: "" };
  return new Promise((resolve) => {
    const chunks = [];
    let over = false;
    const end = (found) => {
      if (over) return;
      over = true;
      clearTimeout(deadline);
      request.destroy();
      answer.ms = Math.round(performance.now() - began);
      answer.body = Buffer.concat(chunks).toString("utf8").replaceAll("\u0000", "");
      answer.found = answer.size > MAX_BODY_BYTES ? "answer too large" : found || nameStatus(answer.status);
      resolve(answer);
    };
    const fail = (error) => end(nameFailure(error, answer.status !== null));
    const late = () => fail(Object.assign(new Error("late"), { code: "TIMED_OUT" }));
    const deadline = setTimeout(late, leftS * 1000);
    const client = url.startsWith("https:") ? https : http;
    const asked = { Accept: "application/json", "User-Agent": "launch-readiness-scripts", ...headers };
    const request = client.get(url, { headers: asked, agent: false, timeout: TIMEOUT_S * 1000 });
    request.on("timeout", late);
    request.on("error", fail);
    request.on("response", (response) => {
      answer.status = response.statusCode;
      answer.headers = response.headers;
      response.on("error", fail);
      response.on("aborted", () => fail(Object.assign(new Error("aborted"), { code: "ECONNRESET" })));
      response.on("data", (chunk) => {
        answer.size += chunk.length;
        chunks.push(chunk);
        if (answer.size > MAX_BODY_BYTES) end("");
      });
      response.on("end", () => (response.complete ? end("") : fail({ code: "ECONNRESET", message: "" })));
    });
  });
}

async function ask(url, headers) {
  const began = performance.now();
  const leftS = () => DEADLINE_S - Math.floor((performance.now() - began) / 1000);
  let answer;
  for (let tried = 1; ; tried++) {
    answer = { ...(await attempt(url, leftS(), headers)), tried };
    const after = /^\d{1,6}$/.exec(answer.headers["retry-after"] || "0");
    if (!AGAIN.has(answer.found) || tried >= ATTEMPTS || !after || Number(after[0]) > MAX_RETRY_AFTER_S) return answer;
    // Up to 0.2 s, then up to 0.4 s, ...: never at the same moment as others.
    if (Number(after[0]) + 1 >= leftS()) return answer;
    await sleep(Number(after[0]) * 1000 + Math.random() * 200 * 2 ** (tried - 1));
    if (leftS() < 1) return answer;
  }
}

// --- judge ----------------------------------------------------------------------------------------

function isShallow(value, depth = 0) {
  if (depth >= DEEPEST) return false;
  return typeof value !== "object" || value === null || Object.values(value).every((one) => isShallow(one, depth + 1));
}

function readJson(text) {
  try {
    const value = JSON.parse(text);
    return isShallow(value) ? { value } : null;
  } catch {
    return null;
  }
}

// Whether there is a leaf that is not null, a list, or one of them below it.
const isThere = (value) =>
  value !== null && value !== undefined && (typeof value !== "object" || Array.isArray(value) || Object.keys(value).some((key) => isBelow(value[key])));
const isBelow = (value) => typeof value !== "object" || value === null || Array.isArray(value) || Object.values(value).some(isBelow);

export class Judged {
  constructor(body) {
    this.body = body;
    this.problems = [];
    this.found = "";
  }
  problem(text) {
    this.problems.push(text);
  }
  at(path) {
    const own = (value, key) => (typeof value === "object" && value !== null && Object.hasOwn(value, key) ? value[key] : undefined);
    return path === "" ? this.body : path.split(".").reduce(own, this.body);
  }
  // The value as text; '' when missing, null, or no leaf.
  field(path) {
    const value = this.at(path);
    return value === undefined || value === null || typeof value === "object" ? "" : String(value);
  }
  mustBe(path, wanted) {
    const value = this.field(path);
    if (value !== wanted) this.problem(`${path} is ${value || "missing"}, not ${wanted}`);
  }
  mustHave(...names) {
    for (const name of names) if (!isThere(this.at(name))) this.problem(`${name} is missing`);
  }
  // The list at a path ('': the answer itself), or null and a problem.
  list(path) {
    const value = this.at(path);
    if (Array.isArray(value)) return value;
    this.problem(`there is no list ${path ? `'${path}' ` : ""}in it`);
    return null;
  }
  eachMustHave(list, ...names) {
    for (const name of names) {
      if (!list.every((one) => isThere(new Judged(one).at(name)))) this.problem(`${name} is missing`);
    }
  }
  mustCount(list, minimum) {
    if (list.length < Number(minimum)) this.problem(`there are ${list.length} items, fewer than ${minimum}`);
  }
  mustInclude(list, name, wanted) {
    if (!list.some((one) => new Judged(one).field(name) === wanted)) this.problem(`none of the items has the ${name} ${wanted}`);
  }
}

function redirectedTo(answer) {
  const match = /^(https?):\/\/([^/?#]*@)?([^/?#:]+)/.exec(answer.headers.location || "");
  return match ? ` (to ${match[1]}://${match[3]})` : "";
}

// Ask each of these in order, print the JSON, and exit 0 healthy, 1 answered badly, 2 could not look.
export async function report(service, base, probes) {
  const results = [];
  const answers = [];
  for (const { endpoint, check, expected, judge, path, headers = {} } of probes) {
    const answer = await ask(base.replace(/\/$/, "") + path, headers);
    const read = answer.found ? null : readJson(answer.body);
    const judged = new Judged(read?.value);
    if (read) judge(judged);
    else if (!answer.found) {
      const isPage = /html/i.test(answer.headers["content-type"] || "") || /^\s*</.test(answer.body);
      answer.found = isPage ? "HTML instead of JSON" : "not JSON";
    }
    const status = answer.status === null ? "" : ` (HTTP ${answer.status})`;
    const tries = answer.tried > 1 ? `, asked ${answer.tried} times` : "";
    const first = answer.found || "healthy";
    let [result, observed, detail] = ["pass", plain(`${first}${status}`), ""];
    if (judged.problems.length) {
      answer.found = judged.found || "not as expected";
      result = judged.found === "not seen by an agent" ? "error" : "fail";
      observed = judged.problems.map(plain);
      detail = `GET ${path}: ${judged.problems.join("; ")}${tries}.`;
    } else if (answer.found) {
      result = answer.status === null ? "error" : "fail";
      detail = `GET ${path}: ${answer.found}${answer.found === "redirected elsewhere" ? redirectedTo(answer) : ""}${tries}.`;
    }
    const fix = answer.found ? [FIXES[answer.found] || OTHER_FIX] : [];
    results.push({ check, result, observed, expected: plain(`HTTP 200: ${expected}`), detail: plain(detail), fix });
    const told = Object.entries(answer.headers).filter(([name]) => TOLD_HEADERS.has(name));
    answers.push({
      endpoint, path, asked_at: answer.asked_at, status: answer.status, found: answer.found || null, elapsed_ms: answer.ms,
      tried: answer.tried, headers: Object.fromEntries(told.map(([name, value]) => [name, plain(value)])), size_bytes: answer.size,
    });
  }
  process.stdout.write(`${JSON.stringify({ service, results, answers })}\n`);
  const all = results.map((one) => one.result);
  process.exitCode = all.includes("fail") ? 1 : all.includes("error") ? 2 : 0;
}
