#!/usr/bin/env bash
# Ask Publer whether our key, workspace and social accounts are well, and print what it said as JSON.
# For a machine without Python. It asks three times; Publer allows 100 requests in two minutes.
#
# Usage: PUBLER_API_KEY=... PUBLER_WORKSPACE_ID=... check-publer-health.sh
# Exit codes: 0 healthy; 1 it answered, and badly; 2 it could not be looked at, or a variable is missing.
# Optional: PUBLER_URL, PUBLER_MIN_ACCOUNTS, ATTEMPTS, TIMEOUT_S, DEADLINE_S, MAX_BODY_BYTES.
set -uo pipefail

# shellcheck source=health-common.sh
. "${BASH_SOURCE[0]%/*}/health-common.sh"

PUBLER_URL=${PUBLER_URL:-https://app.publer.com/api/v1}
PUBLER_MIN_ACCOUNTS=${PUBLER_MIN_ACCOUNTS:-1}

require PUBLER_URL PUBLER_API_KEY PUBLER_WORKSPACE_ID
require_tls "$PUBLER_URL" PUBLER_URL
BASE_URL=$PUBLER_URL
# Publer's own scheme; a plain Bearer is refused.
KEY="Authorization: Bearer-API $PUBLER_API_KEY"
WORKSPACE="Publer-Workspace-Id: $PUBLER_WORKSPACE_ID"

judge_user() { must_have '' '' id name; }

judge_workspaces() {
  count_items ''
  [ -n "$COUNT" ] || return 0
  must_have '' "$COUNT" id name plan
  must_include '' "$COUNT" id "$PUBLER_WORKSPACE_ID"
}

judge_accounts() {
  count_items ''
  [ -n "$COUNT" ] || return 0
  must_have '' "$COUNT" id provider name type
  must_count "$PUBLER_MIN_ACCOUNTS"
}

probe user health.publer_token_accepted "id and name there" judge_user /users/me "$KEY" "$WORKSPACE"
probe workspaces health.publer_workspace_found \
  "id $PUBLER_WORKSPACE_ID among them; id, name and plan there" judge_workspaces /workspaces "$KEY" "$WORKSPACE"
probe accounts health.publer_accounts_connected \
  "at least $(items "$PUBLER_MIN_ACCOUNTS"); id, provider, name and type there" judge_accounts /accounts "$KEY" "$WORKSPACE"
report publer
