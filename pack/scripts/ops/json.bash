# Reads JSON with bash alone: a machine in trouble may have neither jq nor Python.

# Prints one line for each value in the JSON on stdin: its path, a tab, the value.
# Keys and places are joined with dots: `0.ImageRef<TAB>registry.fly.io/...`; escapes but \" \\ \/ stay as they are.
# Returns 1 when the text is no JSON, or not whole.
json_values() {
  local LC_ALL=C line text token value path at
  local -a kinds=() keys=() places=()
  local depth=0 wants_key=0 whole=0
  local string='^"(([^"\\]|\\.)*)"' word='^(true|false|null|-?[0-9][-+.0-9eE]*)'
  while IFS= read -r line || [[ -n $line ]]; do
    text=$line
    while text=${text#"${text%%[![:space:]]*}"}; [[ -n $text ]]; do
      (( whole )) && return 1
      case $text in
        '{'* | '['*)
          depth=$((depth + 1)) wants_key=0
          kinds[depth]=${text:0:1} places[depth]=0 keys[depth]=''
          [[ ${kinds[depth]} == '{' ]] && wants_key=1
          text=${text:1} ;;
        '}'* | ']'*)
          (( depth )) || return 1
          [[ ${kinds[depth]}${text:0:1} == '{}' || ${kinds[depth]}${text:0:1} == '[]' ]] || return 1
          depth=$((depth - 1)) whole=$((depth == 0))
          text=${text:1} ;;
        ','*)
          (( depth )) || return 1
          places[depth]=$((places[depth] + 1))
          [[ ${kinds[depth]} == '{' ]] && wants_key=1
          text=${text:1} ;;
        ':'*) text=${text:1} ;;
        *)
          if [[ $text =~ $string ]]; then
            token=${BASH_REMATCH[1]} text=${text:${#BASH_REMATCH[0]}}
          elif [[ $text =~ $word ]]; then
            token=${BASH_REMATCH[1]} text=${text:${#BASH_REMATCH[0]}}
          else
            return 1
          fi
          if (( depth && wants_key )); then
            keys[depth]=$token wants_key=0
            continue
          fi
          path=''
          for (( at = 1; at <= depth; at++ )); do
            if [[ ${kinds[at]} == '{' ]]; then path+=".${keys[at]}"; else path+=".${places[at]}"; fi
          done
          value=${token//\\\"/\"} value=${value//\\\//\/} value=${value//\\\\/\\}
          printf '%s\t%s\n' "${path#.}" "$value"
          whole=$((depth == 0)) ;;
      esac
    done
  done
  (( whole ))
}

# Prints the value at a path of what json_values printed, nothing when there is none.
json_value() {
  local path value
  while IFS=$'\t' read -r path value; do
    [[ $path == "$1" ]] && { printf '%s\n' "$value"; return 0; }
  done
  return 1
}
