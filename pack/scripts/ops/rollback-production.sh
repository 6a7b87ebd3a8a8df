#!/usr/bin/env bash
# Brings an earlier release of the app back and proves that it answers; with --database, its data too.
# Needs bash, coreutils, curl and flyctl; psql, pg_dump and pg_restore for --database only.
set -uo pipefail
export TZ=UTC
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$here/json.bash"
source "$here/database.bash"
source "$here/machines.bash"

usage() {
  cat <<'END'
rollback-production.sh [options]         without --execute: says what it would do, and changes nothing

  --app NAME           the app; else the one that the config file names. Production is what that file or the
                       project's own fly.toml names
  --config FILE        the app's fly.toml                                   (fly.toml)
  --to RELEASE         a release (v12), an image (registry.fly.io/...), or the previous good release
  --digest SHA256      the image must have this digest: a tag may have been moved since
  --strategy NAME      immediate, rolling, canary or bluegreen              (rolling)
  --database POINT     a restore point: restored into a new database, verified, then switched to
  --yes-overwrite      restores into the database in use instead, after a copy was verified
  --health PATH        must answer 200 afterwards                           (/health)
  --limit SECONDS      how long it may take to be healthy                   (300)
  --execute            really do it
  --dry-run            the default
  --confirm APP        confirms production without being asked
  --take-over          a deploy that is marked as running is over
  --abandon            forget an unfinished rollback instead of going on with it

Environment: FLYCTL (flyctl), FLY_API_TOKEN, ROLLBACK_STATE_DIR (~/.local/state/rollback): put it on a folder that
the operators share and the lock covers them all. DATABASE_URL, for --database. ROLLBACK_RELEASE_COMMAND=1 runs the
release command again, which a rollback otherwise leaves out.

Exit codes: 0 done, or nothing in the way (dry run)   2 wrong usage        3 a program is missing
  4 flyctl is not logged in, or does not answer       5 no such release    6 held by another operator or deploy
  7 not confirmed                                     8 image is gone      9 the deploy failed
  10 deployed, but not healthy in time                11 restore failed    12 the restored data is not as it was
  13 an unfinished rollback to another release        129, 130, 143 stopped; the same command goes on where it was
END
}

say() {
  local line
  printf -v line '%(%Y-%m-%dT%H:%M:%SZ)T %s' -1 "$*"
  printf '%s\n' "$line"
  [[ -z ${log:-} ]] || printf '%s\n' "$line" >> "$log"
}

# Ends with an exit code and the reason.
stop() { local code=$1; shift; say "STOPPED ($code): $*" >&2; exit "$code"; }

# Ends with an exit code, the reason, and the first line of what a program said about it.
stop_said() { first_line "$3"; stop "$1" "$2: $line"; }

# Sets line: the first line of a file.
first_line() { line=''; read -r line < "$1" 2> /dev/null; return 0; }

flyctl=${FLYCTL:-flyctl}
app='' config=fly.toml to=previous digest='' strategy=rolling restore_point='' health=/health limit=300 confirm=''
execute=0 overwrite=0 take_over=0 abandon=0
while (( $# )); do
  case $1 in
    --app | --config | --to | --digest | --strategy | --database | --health | --limit | --confirm)
      (( $# > 1 )) && [[ -n $2 ]] || { echo "$1 needs a value" >&2; exit 2; } ;;&
    --app) app=$2; shift ;;
    --config) config=$2; shift ;;
    --to) to=$2; shift ;;
    --digest) digest=$2; shift ;;
    --strategy) strategy=$2; shift ;;
    --database) restore_point=$2; shift ;;
    --health) health=$2; shift ;;
    --limit) limit=$2; shift ;;
    --confirm) confirm=$2; shift ;;
    --execute) execute=1 ;;
    --dry-run) execute=0 ;;
    --yes-overwrite) overwrite=1 ;;
    --take-over) take_over=1 ;;
    --abandon) abandon=1 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "unknown option: $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
[[ $limit =~ ^[1-9][0-9]*$ ]] || { echo "--limit is a whole number of seconds" >&2; exit 2; }
[[ $strategy =~ ^(immediate|rolling|canary|bluegreen)$ ]] || { echo "--strategy: there is no $strategy" >&2; exit 2; }
(( ! overwrite )) || [[ -n $restore_point ]] || { echo "--yes-overwrite goes with --database" >&2; exit 2; }
[[ -r $config ]] || { echo "--config: there is no $config" >&2; exit 2; }
# Prints the app that a fly.toml names.
app_in() {
  local line
  while IFS= read -r line; do
    [[ $line =~ ^[[:space:]]*app[[:space:]]*=[[:space:]]*[\"\']([A-Za-z0-9_-]+)[\"\'] ]] && printf '%s' "${BASH_REMATCH[1]}" && return
  done < "$1"
}

in_config=$(app_in "$config") production=''
# Another environment's config with production's name in --app is production all the same.
[[ ! -r $here/../../fly.toml ]] || production=$(app_in "$here/../../fly.toml")
app=${app:-$in_config}
[[ $app =~ ^[A-Za-z0-9_-]+$ ]] || { echo "--app: no app is named, here or in $config" >&2; exit 2; }

programs=("$flyctl" curl)
[[ -z $restore_point ]] || programs+=(psql pg_dump pg_restore sha256sum)
for program in "${programs[@]}"; do
  command -v "$program" > /dev/null || { echo "$program is not installed, or not on PATH" >&2; exit 3; }
done

state_dir=${ROLLBACK_STATE_DIR:-${HOME:-/tmp}/.local/state/rollback}
umask 077
mkdir -p "$state_dir" || exit 2
lock=$state_dir/$app.lock state=$state_dir/$app.state
work=$(mktemp -d) || exit 2
held=0 line='' seen='' child=''
leave() {
  local code=$?
  [[ -z $child ]] || kill "$child" 2> /dev/null
  (( held )) && rm -rf "$lock"
  rm -rf "$work"
  exit "$code"
}
# From here on no $(...), nor <(...): bash 5.2 parses one each time it meets it, and a signal that arrives while it
# parses is lost with a syntax error. Functions set variables; what a program says is read from a file.
exec 3>&2 # a trap may run where 2 is a file
trap leave EXIT
trap 'say "cut off from its terminal; the same command goes on where it was" >&3; exit 129' HUP
trap 'say "stopped by the operator; the same command goes on where it was" >&3; exit 130' INT
trap 'say "stopped; the same command goes on where it was" >&3; exit 143' TERM

# Runs a program, and returns as it does. Bash loses one SIGINT in some hundred that comes while it waits for a program in
# the foreground; `wait` loses none. For programs that only look: what goes on in the background hears no Ctrl-C.
apart() {
  local code
  "$@" 3>&- &
  child=$!
  wait "$child"
  code=$?
  child=''
  return "$code"
}

# Writes what flyctl says as JSON into a file, as json_values prints it. Returns 1, and sets line, when it says nothing whole.
read_fly() {
  local file=$1
  shift
  if ! apart "$flyctl" "$@" --app "$app" --json > "$work/json" 2> "$work/said"; then
    first_line "$work/said"
    line="flyctl $1 failed: $line"
    return 1
  fi
  json_values < "$work/json" > "$file" || { line="flyctl $1 broke off in the middle of its answer"; return 1; }
}

# A second operator waits; the lock of one whose process is gone is taken over.
take_lock() {
  local pid='' host='' since=''
  if ! mkdir "$lock" 2> /dev/null; then
    read -r pid host since < "$lock/holder" 2> /dev/null
    if [[ $host == "${HOSTNAME:-}" && -n $pid ]] && ! kill -0 "$pid" 2> /dev/null; then
      say "the rollback that process $pid began at $since is gone; taking its lock"
    else
      stop 6 "another operator (process ${pid:-?} on ${host:-?}, since ${since:-?}) is rolling $app back"
    fi
  fi
  held=1
  printf '%s %s %(%Y-%m-%dT%H:%M:%SZ)T\n' "$$" "${HOSTNAME:-}" -1 > "$lock/holder"
}

# Sets image, and running: the image of the newest release. A release is good when it is complete.
choose_release() {
  local path value place newest_status='' found=''
  local -A version=() status=() reference=()
  read_fly "$work/releases" releases || stop 4 "$line"
  while IFS=$'\t' read -r path value; do
    place=${path%%.*}
    case ${path#*.} in
      Version) version[$place]=$value ;;
      Status) status[$place]=$value ;;
      ImageRef) reference[$place]=$value ;;
    esac
  done < "$work/releases"
  (( ${#version[@]} )) || stop 5 "$app has no release yet"
  running=${reference[0]} newest_status=${status[0]}
  if [[ $newest_status == running || $newest_status == pending ]] && (( ! take_over )); then
    stop 6 "release v${version[0]} is being deployed right now; --take-over when that deploy is over"
  fi
  case $to in
    */*) image=$to; return ;;
    previous)
      for (( place = 1; place < ${#version[@]}; place++ )); do
        [[ ${status[$place]} == complete && ${reference[$place]} != "$running" ]] && found=$place && break
      done ;;
    *)
      for (( place = 0; place < ${#version[@]}; place++ )); do
        [[ ${version[$place]} == "${to#v}" ]] && found=$place && break
      done ;;
  esac
  [[ -n $found ]] || stop 5 "there is no release '$to' among the ${#version[@]} that flyctl shows; name its image with --to"
  image=${reference[$found]}
}

note() { printf '%s\n' "$1" >> "$state"; }
is_done() {
  local noted
  [[ -f $state ]] || return 1
  while IFS= read -r noted; do [[ $noted != "$1" ]] || return 0; done < "$state"
  return 1
}

# Goes on with what an interrupted rollback had begun; sets to, so that `previous` means what it meant then.
look_for_unfinished() {
  local key value began_image='' began_point=''
  [[ -f $state ]] || return 0
  (( abandon )) && { rm -f "$state"; say "the unfinished rollback is forgotten"; return 0; }
  while IFS='=' read -r key value; do
    case $key in image) began_image=$value ;; point) began_point=$value ;; copy) copy=$value ;; esac
  done < "$state"
  if [[ $to == previous || $to == "$began_image" ]] && [[ $began_point == "$restore_point" ]]; then
    say "going on with an unfinished rollback to $began_image"
    to=$began_image
    take_over=1
  elif [[ $began_point != "$restore_point" ]]; then
    stop 13 "an unfinished rollback to $began_image${began_point:+ and $began_point} is there: give the same options, or --abandon"
  else
    unfinished=$began_image
    take_over=1
  fi
}

wait_healthy() {
  local deadline=$((SECONDS + limit)) url='' path value
  read_fly "$work/status" status || stop 4 "$line"
  while IFS=$'\t' read -r path value; do [[ $path != AppURL ]] || url=$value; done < "$work/status"
  [[ -n $url && $url != null ]] || url=https://$app.fly.dev/
  until see_machines "$url"; do
    (( SECONDS < deadline )) || stop 10 "not healthy within $limit s: $seen"
    apart sleep 0.1
  done
}

# Returns whether every machine is on the image and healthy by its own config, and the app answers; sets seen to what is not.
see_machines() {
  local place
  read_fly "$work/machines" machine list || { seen="flyctl does not answer"; return 1; }
  read_machines "$work/machines"
  for place in "${counted[@]}"; do
    is_on_image "${machine_tag[$place]:-}" "${machine_digest[$place]:-}" || return 1
  done
  judge_machines || return 1
  if ! apart curl --silent --show-error --fail --output "$work/health" --max-time 5 "${1%/}$health" 2> "$work/said"; then
    first_line "$work/said"
    seen="$health: $line"
    return 1
  fi
}

# Returns whether a tag and a digest are of the image; sets seen where they are not.
is_on_image() {
  [[ $image == *@* || $image == *":$1" ]] || { seen="a machine runs the tag $1"; return 1; }
  [[ -z $digest || $2 == "$digest" ]] || { seen="a machine runs $2"; return 1; }
  [[ $image != *@* || $2 == "${image#*@}" ]] || { seen="a machine runs $2"; return 1; }
}

copy='' unfinished=''
(( ! execute )) || { take_lock; printf -v log '%s.%(%Y%m%dT%H%M%SZ)T.log' "$state_dir/$app" -1; }
"$flyctl" auth whoami > "$work/who" 2> "$work/said" || stop_said 4 "flyctl is not logged in" "$work/said"
look_for_unfinished
choose_release
[[ -z $unfinished || $unfinished == "$image" ]] || stop 13 "an unfinished rollback to $unfinished is there: give --to $unfinished, or --abandon"
deploy=("$flyctl" deploy --app "$app" --config "$config" --image "$image")
"${deploy[@]}" --build-only > "$work/out" 2> "$work/said" || stop_said 8 "the registry no longer has $image" "$work/said"
[[ -z $restore_point ]] || verify_restore_point "$restore_point"
deploy+=(--strategy "$strategy" --ha=false --yes --wait-timeout "${limit}s")
[[ ${ROLLBACK_RELEASE_COMMAND:-} == 1 ]] || deploy+=(--skip-release-command)

say "app $app: from $running to $image"
first_line "$work/who"
[[ -z ${log:-} ]] || printf 'by %s\n' "$line" >> "$log"
say "machines get the config of $config; not brought back: secrets, machine count${restore_point:+; database: $restore_point}"
say "will run: ${deploy[*]/#"$flyctl"/flyctl}"
(( execute )) || { say "dry run: nothing was changed; --execute does it"; exit 0; }
if [[ ( $app == "$in_config" || $app == "$production" ) && $confirm != "$app" ]]; then
  [[ -t 0 ]] || stop 7 "$app is production: pass --confirm $app"
  read -r -p "$app is production. Type its name to go on: " answer
  [[ $answer == "$app" ]] || stop 7 "not confirmed"
fi
began=$SECONDS
[[ -f $state ]] || { note "image=$image"; note "point=$restore_point"; }
[[ -z $restore_point ]] || bring_back_database "$restore_point"
if is_done deployed; then
  say "deployed before the interruption"
else
  say "deploying $image"
  "${deploy[@]}" > "$work/out" 2>&1 && deployed=0 || deployed=$?
  while IFS= read -r line; do say "  $line"; done < "$work/out"
  (( deployed == 0 )) || stop 9 "flyctl deploy ended with $deployed"
  note deployed
fi
say "waiting until every machine runs it and is healthy"
wait_healthy
rm -f "$state"
say "done in $((SECONDS - began)) s: $app runs $image and is healthy"
