# Shared by check-*-health.sh: JSON, read with bash and grep alone. Sourced, never run.
# FLAT holds one "path<TAB>value" a leaf, and "path.#<TAB>count" a list; the answer itself is "".
# Strings stay escaped as they came, so that they can be told again as they are.

read_json() { # read_json TEXT: 0 when the whole text is one JSON value
  local line
  TOKENS=() FLAT=() NEXT=0
  while IFS= read -r line; do TOKENS+=("$line"); done < <(
    printf '%s\n' "$1" | LC_ALL=C grep -oE \
      '"([^"\\[:cntrl:]]|\\.)*"|true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?|[^[:space:]]'
  )
  read_value "" 0 && [ "$NEXT" -eq "${#TOKENS[@]}" ]
}

read_value() { # read_value PATH DEPTH
  local token=${TOKENS[NEXT]-} path=$1 depth=$2 number=0 key
  [ "$depth" -lt 64 ] || return 1
  NEXT=$((NEXT + 1))
  case $token in
  '{')
    if [ "${TOKENS[NEXT]-}" = '}' ]; then NEXT=$((NEXT + 1)); return 0; fi
    while :; do
      key=${TOKENS[NEXT]-}
      case $key in '"'*'"') key=${key#\"} key=${key%\"} ;; *) return 1 ;; esac
      [ "${TOKENS[NEXT + 1]-}" = ':' ] || return 1
      NEXT=$((NEXT + 2))
      read_value "${path:+$path.}$key" $((depth + 1)) || return 1
      NEXT=$((NEXT + 1))
      case ${TOKENS[NEXT - 1]-} in ',') ;; '}') return 0 ;; *) return 1 ;; esac
    done
    ;;
  '[')
    if [ "${TOKENS[NEXT]-}" = ']' ]; then NEXT=$((NEXT + 1)); FLAT+=("${path:+$path.}#	0"); return 0; fi
    while :; do
      read_value "${path:+$path.}$number" $((depth + 1)) || return 1
      number=$((number + 1))
      NEXT=$((NEXT + 1))
      case ${TOKENS[NEXT - 1]-} in ',') ;; ']') FLAT+=("${path:+$path.}#	$number"); return 0 ;; *) return 1 ;; esac
    done
    ;;
  '"'*'"' | true | false | null | -[0-9]* | [0-9]*) FLAT+=("$path	$token") ;;
  *) return 1 ;;
  esac
}

field() { # field PATH: the value, strings without their quotes; '' when missing or null
  local line value
  for line in ${FLAT[@]+"${FLAT[@]}"}; do
    if [ "${line%%	*}" = "$1" ]; then
      value=${line#*	}
      [ "$value" != null ] || return 0
      value=${value#\"}
      printf '%s' "${value%\"}"
      return 0
    fi
  done
}

has() { # has PATH: a leaf that is not null, a list, or something below it
  local line
  for line in ${FLAT[@]+"${FLAT[@]}"}; do
    case ${line%%	*} in
    "$1") [ "${line#*	}" != null ]; return ;;
    "$1".*) return 0 ;;
    esac
  done
  return 1
}
