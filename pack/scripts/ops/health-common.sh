# Shared by check-*-health.sh: ask with curl, read JSON, tell the result. Sourced, never run.
# Needs bash 3.2 or newer, curl 7.64 or newer, grep and what POSIX has. Credentials reach curl on its standard input, never by argv.

ATTEMPTS=${ATTEMPTS:-3}                 # tries of one question
TIMEOUT_S=${TIMEOUT_S:-5}               # longest silence
DEADLINE_S=${DEADLINE_S:-10}            # one question, tries and pauses included
MAX_BODY_BYTES=${MAX_BODY_BYTES:-1000000}
MAX_RETRY_AFTER_S=${MAX_RETRY_AFTER_S:-5}

die() { # wrong input: one sentence, exit 2
  printf '%s\n' "$1" >&2
  exit 2
}

for program in curl date grep head mktemp rm sleep tail tr wc; do
  command -v "$program" >/dev/null || die "$program is not installed, or not on PATH. Fix: Install it, and run again."
done

# shellcheck source=health-json.sh
. "${BASH_SOURCE[0]%/*}/health-json.sh"

RESULTS=() ANSWERS=() WORST=0
WORK=$(mktemp -d) || exit 2
trap 'rm -rf "$WORK"' EXIT

require() { # require NAME...: each variable must be set, and hold no control characters
  local name
  for name in "$@"; do
    [ -n "${!name:-}" ] || die "$name is not set. Fix: Set it, and run again."
    case ${!name} in *[[:cntrl:]]*) die "$name holds a control character. Fix: Set it anew." ;; esac
  done
}

require_tls() { # require_tls URL NAME: https, but on this machine
  case $1 in
  https://?*) PROTOCOL='=https' ;;
  http://127.0.0.1[:/]* | http://127.0.0.1 | http://localhost[:/]* | http://localhost) PROTOCOL='=http' ;;
  *) die "$2 has no TLS, and credentials would travel in the clear. Fix: Set an https:// address." ;;
  esac
}

quoted() { # a value for a quoted line of curl's config
  local value=${1//\\/\\\\}
  printf '%s' "${value//\"/\\\"}"
}

jsoned() { # a text as a JSON string
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  printf '"%s"' "${text//[[:cntrl:]]/ }"
}

# --- ask ------------------------------------------------------------------------------------------

ask() { # ask PATH HEADER...: sets STATUS, FOUND, TRIED, ASKED_AT, TIME_MS and BODY
  local path=$1 began=$SECONDS left pause after
  shift
  TRIED=0
  while :; do
    left=$((DEADLINE_S - (SECONDS - began)))
    [ "$left" -ge 1 ] || return 0
    TRIED=$((TRIED + 1))
    try "$path" "$left" "$@"
    case $FOUND in
    "rate limited" | "server error" | "name not found" | "connection refused" | "not reachable") ;;
    "no answer in time" | "disconnected without an answer" | "answer broken off" | "answer too slow") ;;
    *) return 0 ;;
    esac
    [ "$TRIED" -lt "$ATTEMPTS" ] || return 0
    after=$(grep -i '^retry-after: *[0-9]' "$WORK/head" 2>/dev/null | tail -n 1 | tr -dc 0-9)
    [ "${#after}" -le 6 ] || return 0
    [ "${after:-0}" -le "$MAX_RETRY_AFTER_S" ] || return 0
    # Up to 0.2 s, then up to 0.4 s, ...: never at the same moment as others. A whole second at most where sleep is old.
    pause=$((RANDOM % (200 * (1 << (TRIED - 1)))))
    [ $((${after:-0} + 1)) -lt $((DEADLINE_S - (SECONDS - began))) ] || return 0
    sleep "$((${after:-0} + pause / 1000)).$(printf '%03d' $((pause % 1000)))"
  done
}

try() { # try PATH SECONDS HEADER...: one request
  local path=$1 left=$2 header code exits seen
  shift 2
  : >"$WORK/head"
  ASKED_AT=$(date -u +%Y-%m-%dT%H:%M:%S+00:00)
  {
    printf 'url = "%s"\n' "$(quoted "${BASE_URL%/}$path")"
    for header in "$@"; do printf 'header = "%s"\n' "$(quoted "$header")"; done
  } | curl --config - --silent --proto "$PROTOCOL" --noproxy '*' --connect-timeout "$TIMEOUT_S" --max-time "$left" \
    --speed-limit 1 --speed-time "$TIMEOUT_S" --dump-header "$WORK/head" --header 'Accept: application/json' \
    --user-agent launch-readiness-scripts --write-out '%{stderr}%{http_code} %{time_total}' 2>"$WORK/seen" |
    LC_ALL=C head -c $((MAX_BODY_BYTES + 1)) >"$WORK/body"
  exits=("${PIPESTATUS[@]}")
  code=${exits[1]}
  read -r STATUS seen <"$WORK/seen" || :
  STATUS=${STATUS:-000} seen=${seen:-0}
  TIME_MS=$(LC_ALL=C printf '%.0f' "${seen//,/.}e3" 2>/dev/null) || TIME_MS=0
  SIZE=$(($(wc -c <"$WORK/body")))
  BODY=$(LC_ALL=C tr -d '\000' <"$WORK/body")
  FOUND=$(name_finding "$code" "$STATUS")
}

name_finding() { # name_finding CURL_EXIT STATUS: what is bad about the answer, '' when nothing is yet
  local answered=yes
  [ "$2" != 000 ] || answered=no
  if [ "$SIZE" -gt "$MAX_BODY_BYTES" ]; then printf 'answer too large'; return; fi
  case $1 in
  0) ;;
  6) printf 'name not found'; return ;;
  7) printf 'connection refused'; return ;;
  51 | 60 | 77 | 83) printf 'certificate not trusted'; return ;;
  35) printf 'TLS failed'; return ;;
  28) [ $answered = yes ] && printf 'answer too slow' || printf 'no answer in time'; return ;;
  52) printf 'disconnected without an answer'; return ;;
  18 | 55 | 56 | 92) [ $answered = yes ] && printf 'answer broken off' || printf 'disconnected without an answer'; return ;;
  *) printf 'not reachable'; return ;;
  esac
  case $2 in
  2??) ;;
  3??) printf 'redirected elsewhere' ;;
  401) printf 'token not accepted' ;;
  403) printf 'forbidden' ;;
  404) printf 'not found' ;;
  429) printf 'rate limited' ;;
  5??) printf 'server error' ;;
  *) printf 'unexpected status' ;;
  esac
}

fix_for() { # fix_for FOUND: what to do about it, in the workbook's words
  case $1 in
  'name not found') printf "Check the address, and the name's DNS record." ;;
  'connection refused') printf 'See whether the service runs and listens there.' ;;
  'certificate not trusted') printf "Renew the certificate, or correct the host name; don't turn verification off." ;;
  'TLS failed') printf 'See which TLS versions the server offers.' ;;
  'no answer in time') printf 'See whether the service is overloaded, or a firewall drops us.' ;;
  'disconnected without an answer') printf "Read the service's and its proxy's log: it took the connection and dropped it." ;;
  'not reachable') printf 'Check the address and the network between.' ;;
  'answer too slow') printf 'See what the service waits for: it began to answer and did not end.' ;;
  'answer broken off') printf "Read the service's and its proxy's log: the answer stopped in the middle." ;;
  'answer too large') printf 'See what it sends, or raise health.max_body_bytes.' ;;
  'redirected elsewhere') printf 'Correct the address, or see who answers for it: credentials are not sent elsewhere.' ;;
  'token not accepted') printf 'Make a new token and store it where this environment reads it.' ;;
  forbidden) printf "Give the token's user the role, scope or plan that this call needs." ;;
  'not found') printf "Check the path in params and the account in the environment's variables." ;;
  'rate limited') printf 'Wait, and see who else uses this token.' ;;
  'server error') printf "Read the service's log for this moment." ;;
  'HTML instead of JSON') printf 'See which page answers: a sign-in, a maintenance page or a proxy.' ;;
  'not JSON') printf "Read the service's log: its answer is not valid JSON." ;;
  'not seen by an agent') printf "Add the token's agent to each inbox in Chatwoot, or use the token of an administrator." ;;
  'not as expected') printf 'Compare the answer with what params expect, and correct the one that is wrong.' ;;
  *) printf "Compare the path in params with the vendor's documentation." ;;
  esac
}

redirected_to() { # where a redirect leads, no further than the host; '' when it says no address
  local line
  line=$(grep -i '^location:' "$WORK/head" | tail -n 1 | tr -d '\r')
  local pattern='^[^:]*: *(https?)://([^/?#]*@)?([^/?#:]+)'
  [[ $line =~ $pattern ]] && printf ' (to %s://%s)' "${BASH_REMATCH[1]}" "${BASH_REMATCH[3]}"
}

told_headers() { # the headers that matter afterwards, as a JSON object; cookies are never among them
  local line name value told=''
  while IFS= read -r line; do
    line=${line%$'\r'} name=$(printf '%s' "${line%%:*}" | tr '[:upper:]' '[:lower:]')
    case $name in
    content-type | date | retry-after | x-request-id | x-runtime | x-ratelimit-limit | x-ratelimit-remaining | x-ratelimit-reset)
      value=${line#*:}
      value=$(jsoned "${value# }")
      told="${told:+$told, }\"$name\": $value"
      ;;
    esac
  done <"$WORK/head"
  printf '{%s}' "$told"
}

items() { # items COUNT: `1 item`, `2 items`
  printf '%s item%s' "$1" "$([ "$1" = 1 ] || printf s)"
}

# --- judge ----------------------------------------------------------------------------------------

problem() { PROBLEMS+=("$1"); }

must_be() { # must_be FIELD VALUE
  local value
  value=$(field "$1")
  [ "$value" = "$2" ] || problem "$1 is ${value:-missing}, not $2"
}

must_have() { # must_have PREFIX COUNT FIELD...: of the answer itself (COUNT ''), or of each of COUNT items below PREFIX
  local prefix=$1 count=$2 name number
  shift 2
  for name in "$@"; do
    if [ -z "$count" ]; then
      has "$name" || problem "$name is missing"
    else
      for ((number = 0; number < count; number++)); do
        has "$prefix$number.$name" || { problem "$name is missing"; break; }
      done
    fi
  done
}

must_include() { # must_include PREFIX COUNT FIELD VALUE
  local number
  for ((number = 0; number < $2; number++)); do
    [ "$(field "$1$number.$3")" != "$4" ] || return 0
  done
  problem "none of the items has the $3 $4"
}

count_items() { # count_items FIELD: sets COUNT; FIELD '' is the answer itself
  local quote="'"
  COUNT=$(field "${1:+$1.}#")
  [ -n "$COUNT" ] || problem "there is no list ${1:+$quote$1$quote }in it"
}

must_count() { # must_count MINIMUM
  [ "$COUNT" -ge "$1" ] || problem "there are $COUNT items, fewer than $1"
}

probe() { # probe ENDPOINT CHECK EXPECTED JUDGE PATH HEADER...: ask, judge, keep the result
  local endpoint=$1 check=$2 expected="HTTP 200: $3" judgement=$4 path=$5 result=pass observed detail='' joined='' said='' tries one
  shift 4
  PROBLEMS=()
  ask "$@"
  if [ -z "$FOUND" ]; then
    if read_json "$BODY"; then
      "$judgement"
    elif grep -qi '^content-type:.*html' "$WORK/head" || [[ $BODY =~ ^[[:space:]]*'<' ]]; then
      FOUND='HTML instead of JSON'
    else
      FOUND='not JSON'
    fi
  fi
  tries=$([ "$TRIED" -le 1 ] || printf ', asked %s times' "$TRIED")
  observed=$(jsoned "${FOUND:-healthy}$([ "$STATUS" = 000 ] || printf ' (HTTP %s)' "$STATUS")")
  if [ "${#PROBLEMS[@]}" -gt 0 ]; then
    FOUND=${FOUND:-not as expected} result=fail
    [ "$FOUND" != 'not seen by an agent' ] || result=error
    for one in "${PROBLEMS[@]}"; do joined="${joined:+$joined, }$(jsoned "$one")" said="${said:+$said; }$one"; done
    observed="[$joined]"
    detail="GET $path: $said$tries."
  elif [ -n "$FOUND" ]; then
    result=fail
    [ "$STATUS" != 000 ] || result=error
    detail="GET $path: $FOUND$([ "$FOUND" != 'redirected elsewhere' ] || redirected_to)$tries."
  fi
  case $result in fail) WORST=1 ;; error) [ $WORST -eq 1 ] || WORST=2 ;; esac
  RESULTS+=("$(printf '{"check": "%s", "result": "%s", "observed": %s, "expected": %s, "detail": %s, "fix": [%s]}' \
    "$check" $result "$observed" "$(jsoned "$expected")" "$(jsoned "$detail")" \
    "$([ -z "$FOUND" ] || jsoned "$(fix_for "$FOUND")")")")
  ANSWERS+=("$(printf '{"endpoint": "%s", "path": %s, "asked_at": "%s", "status": %s, "found": %s, "elapsed_ms": %s, "tried": %s, "headers": %s, "size_bytes": %s}' \
    "$endpoint" "$(jsoned "$path")" "$ASKED_AT" "$([ "$STATUS" = 000 ] && printf null || printf '%s' "$STATUS")" \
    "$([ -n "$FOUND" ] && jsoned "$FOUND" || printf null)" "$TIME_MS" "$TRIED" "$(told_headers)" "$SIZE")")
}

report() { # report SERVICE: print the JSON, and exit 0 healthy, 1 answered badly, 2 could not look
  local IFS=,
  printf '{"service": "%s", "results": [%s], "answers": [%s]}\n' "$1" "${RESULTS[*]}" "${ANSWERS[*]}"
  exit $WORST
}
