#!/usr/bin/env bash
# Ask Chatwoot whether it is well, and print what it said as JSON. For a machine without Python.
#
# Usage: CHATWOOT_URL=https://... CHATWOOT_API_TOKEN=... CHATWOOT_ACCOUNT_ID=1 check-chatwoot-health.sh
# Exit codes: 0 healthy; 1 it answered, and badly; 2 it could not be looked at, or a variable is missing.
# Optional: CHATWOOT_VERSIONS (patterns, by spaces), CHATWOOT_MIN_INBOXES, MAX_CLOCK_SKEW_S, ATTEMPTS, TIMEOUT_S,
# DEADLINE_S, MAX_BODY_BYTES. Of the answers only listed fields are told: profile and inboxes carry tokens.
set -uo pipefail

# shellcheck source=health-common.sh
. "${BASH_SOURCE[0]%/*}/health-common.sh"

CHATWOOT_VERSIONS=${CHATWOOT_VERSIONS:-4.*}
CHATWOOT_MIN_INBOXES=${CHATWOOT_MIN_INBOXES:-1}
MAX_CLOCK_SKEW_S=${MAX_CLOCK_SKEW_S:-120}

require CHATWOOT_URL CHATWOOT_API_TOKEN CHATWOOT_ACCOUNT_ID
case $CHATWOOT_ACCOUNT_ID in *[!0-9]*) die "CHATWOOT_ACCOUNT_ID is not a number. Fix: Set the account's id." ;; esac
require_tls "$CHATWOOT_URL" CHATWOOT_URL
BASE_URL=$CHATWOOT_URL
# The spelling with hyphens: nginx by default drops headers with underscores.
TOKEN="Api-Access-Token: $CHATWOOT_API_TOKEN"
ACCOUNT=/api/v1/accounts/$CHATWOOT_ACCOUNT_ID

judge_alive() { must_be status woot; }

judge_services() {
  must_be queue_services ok
  must_be data_services ok
  must_have '' '' version timestamp
  judge_version
  judge_clock
}

judge_version() {
  local version pattern
  version=$(field version)
  set -f # the patterns are not for file names
  for pattern in $CHATWOOT_VERSIONS; do
    # shellcheck disable=SC2254
    case $version in $pattern) set +f; return ;; esac
  done
  set +f
  problem "version ${version:-missing} is not one of ${CHATWOOT_VERSIONS// /, }"
}

judge_clock() { # a cache answers with an old timestamp
  local stamp year month day away
  stamp=$(field timestamp)
  [[ $stamp =~ ^([0-9]{4})-([0-9]{2})-([0-9]{2})\ ([0-9]{2}):([0-9]{2}):([0-9]{2})$ ]] || return 0
  # Days since 1970 of a date of the Gregorian calendar, months counted from March.
  year=$((10#${BASH_REMATCH[1]})) month=$((10#${BASH_REMATCH[2]})) day=$((10#${BASH_REMATCH[3]}))
  [ $month -gt 2 ] || { year=$((year - 1)) month=$((month + 12)); }
  day=$((365 * year + year / 4 - year / 100 + year / 400 + (153 * (month - 3) + 2) / 5 + day - 719469))
  away=$((day * 86400 + 10#${BASH_REMATCH[4]} * 3600 + 10#${BASH_REMATCH[5]} * 60 + 10#${BASH_REMATCH[6]} - $(date -u +%s)))
  [ ${away#-} -le "$MAX_CLOCK_SKEW_S" ] || problem "its clock is ${away#-} s away from ours, more than $MAX_CLOCK_SKEW_S s"
}

ROLE=''
judge_profile() {
  local number
  count_items accounts
  for ((number = 0; number < ${COUNT:-0}; number++)); do
    [ "$(field "accounts.$number.id")" != "$CHATWOOT_ACCOUNT_ID" ] || ROLE=$(field "accounts.$number.role")
  done
  ROLE=${ROLE:-$(field role)}
  [ -n "$COUNT" ] || return 0
  must_have accounts. "$COUNT" id status
  must_count 1
  must_include accounts. "$COUNT" id "$CHATWOOT_ACCOUNT_ID"
}

judge_account() {
  must_be status active
  must_have '' '' id name
}

judge_inboxes() {
  local number bad=
  count_items payload
  [ -n "$COUNT" ] || return 0
  must_have payload. "$COUNT" id name channel_type
  must_count "$CHATWOOT_MIN_INBOXES"
  for ((number = 0; number < COUNT; number++)); do
    [ "$(field "payload.$number.reauthorization_required")" != true ] || bad="${bad:+$bad, }$(field "payload.$number.id")"
  done
  [ -z "$bad" ] || problem "reauthorization_required is yes of $bad"
  # An agent sees only the inboxes it was added to: what it is not shown may be there.
  if [ "$ROLE" = agent ] && [ "${#PROBLEMS[@]}" -eq 1 ] && [[ ${PROBLEMS[0]} = 'there are '* ]]; then
    PROBLEMS=("an agent sees only the inboxes it was added to, here $COUNT: ${PROBLEMS[0]}")
    FOUND='not seen by an agent'
  fi
}

probe alive health.chatwoot_is_alive "status is woot" judge_alive /health
probe services health.chatwoot_services_ok \
  "queue_services is ok; data_services is ok; version like ${CHATWOOT_VERSIONS// / or }; version and timestamp there" judge_services /api
probe profile health.chatwoot_token_accepted \
  "at least $(items 1); id $CHATWOOT_ACCOUNT_ID among them; id and status there" judge_profile /api/v1/profile "$TOKEN"
probe account health.chatwoot_account_active "status is active; id and name there" judge_account "$ACCOUNT" "$TOKEN"
probe inboxes health.chatwoot_inboxes_connected \
  "at least $(items "$CHATWOOT_MIN_INBOXES"); id, name and channel_type there; reauthorization_required never yes" \
  judge_inboxes "$ACCOUNT/inboxes" "$TOKEN"
report chatwoot
