# The database's part of a rollback: a restore point is restored into a new database and verified there first.
# A restore point is a folder with manifest.json and dump/, as the workbook's backups are, or any archive of pg_dump.

# Sets PG*, so that no program gets a password as an argument.
read_database_url() {
  local rest user_part host_part plain
  [[ ${DATABASE_URL:-} =~ ^postgres(ql)?://([^@/]+)@([^/?]+)/([^?]+)(\?(.*))?$ ]] ||
    stop 2 "DATABASE_URL must be set, as postgresql://user:password@host:port/database"
  user_part=${BASH_REMATCH[2]} host_part=${BASH_REMATCH[3]} PGDATABASE=${BASH_REMATCH[4]} rest=${BASH_REMATCH[6]:-}
  decode "$PGDATABASE"; PGDATABASE=$plain
  decode "${user_part%%:*}"; PGUSER=$plain
  decode "${user_part#*:}"; PGPASSWORD=$plain
  PGHOST=${host_part%:*} PGPORT=5432
  [[ $host_part == *:* ]] && PGPORT=${host_part##*:}
  [[ $rest =~ sslmode=([a-z-]+) ]] && export PGSSLMODE=${BASH_REMATCH[1]}
  export PGUSER PGPASSWORD PGHOST PGPORT PGDATABASE PGCONNECT_TIMEOUT=10 PGAPPNAME=rollback
}

# Sets plain.
decode() { plain=${1//+/ }; printf -v plain '%b' "${plain//%/\\x}"; }

# Prints the answer to one question, one value a line.
ask() { psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 --dbname "$1" --command "$2"; }

# Sets dump, the archive. Ends the script when the restore point is not whole.
verify_restore_point() {
  local path value
  [[ -e $1 ]] || stop 11 "there is no restore point $1"
  dump=$1
  [[ ! -d $1/dump ]] || dump=$1/dump
  pg_restore --list "$dump" > "$work/toc" 2> "$work/said" || stop_said 11 "$1 can't be read" "$work/said"
  [[ -f $1/manifest.json ]] || return 0
  json_values < "$1/manifest.json" > "$work/manifest" || stop 11 "$1/manifest.json is not whole"
  while IFS=$'\t' read -r path value; do
    [[ $path == files.*.sha256 ]] || continue
    path=${path#files.} path=${path%.sha256}
    printf '%s  %s\n' "$value" "$path"
  done < "$work/manifest" > "$work/sums"
  (cd "$1" && sha256sum --check --quiet "$work/sums") > "$work/said" 2>&1 ||
    stop_said 11 "$1 is damaged" "$work/said"
}

# Writes the entries that a project's owner may restore: not the platform's event triggers, publications and extensions.
choose_entries() {
  local line
  while IFS= read -r line; do
    case $line in
      ';'* | *' EVENT TRIGGER '* | *' PUBLICATION '* | *' PUBLICATION TABLE '* | *' EXTENSION '* | *' DEFAULT ACL '*) ;;
      *' SCHEMA - public '* | *' ACL - SCHEMA public '* | *' COMMENT - SCHEMA public '*) ;;
      *) printf '%s\n' "$line" ;;
    esac
  done < "$work/toc" > "$work/chosen"
}

# Restores into a new database, verifies it, then switches the app to it; in place only with --yes-overwrite.
bring_back_database() {
  read_database_url
  choose_entries
  if [[ -z $copy ]]; then
    printf -v copy '%s_restored_%(%Y%m%dT%H%M%S)T' "$PGDATABASE" -1
    note "copy=$copy"
  fi
  if is_done verified; then
    say "restored into $copy and verified before the interruption"
  else
    make_copy "$1"
    verify_copy
    note verified
  fi
  if (( overwrite )); then
    is_done overwritten || overwrite_in_place "$1"
  else
    is_done switched || switch_to_copy
  fi
}

make_copy() {
  local extension
  say "restoring $1 into the new database $copy"
  ask postgres "drop database if exists \"$copy\"" > /dev/null 2> "$work/said" &&
    ask postgres "create database \"$copy\" template template0" > /dev/null 2> "$work/said" ||
    stop_said 11 "the database $copy can't be made" "$work/said"
  ask "$copy" 'create schema extensions' > /dev/null 2>&1
  ask "$PGDATABASE" "select extname from pg_extension e join pg_namespace n on n.oid = extnamespace where nspname = 'extensions'" \
    > "$work/wanted" 2> "$work/said" || stop_said 11 "$PGDATABASE can't be read" "$work/said"
  while IFS= read -r extension; do
    ask "$copy" "create extension if not exists \"$extension\" with schema extensions" > /dev/null 2>> "$work/extensions" || true
  done < "$work/wanted"
  pg_restore --no-owner --exit-on-error --use-list "$work/chosen" --dbname "$copy" "$dump" > /dev/null 2> "$work/said" ||
    stop_said 11 "pg_restore failed, $copy is left to look at" "$work/said"
}

# Every table of the restore point must be there, with the rows that its manifest counts.
verify_copy() {
  local path value table rows tables=0
  if [[ ! -f $work/manifest ]]; then
    ask "$copy" "select count(*) from pg_stat_user_tables where schemaname not in ('auth', 'storage')" \
      > "$work/counted" 2> "$work/said" || stop_said 12 "$copy can't be read" "$work/said"
    first_line "$work/counted"
    tables=$line
    (( tables )) || stop 12 "$copy holds no table"
    say "verified: $tables tables; the restore point has no manifest, so rows were not counted"
    return
  fi
  while IFS=$'\t' read -r path value; do
    [[ $path == tables.*.rows ]] || continue
    table=${path#tables.} table=${table%.rows} rows=$value
    ask "$copy" "select count(*) from \"${table%%.*}\".\"${table#*.}\"" > "$work/counted" 2> "$work/said" ||
      stop 12 "$table is not in $copy"
    first_line "$work/counted"
    [[ $line == "$rows" ]] || stop 12 "$table has $line rows in $copy, $rows in the restore point"
    tables=$((tables + 1))
  done < "$work/manifest"
  (( tables )) || stop 12 "the manifest names no table"
  say "verified: $tables tables with the rows that the manifest counts"
}

# The app's DATABASE_URL names the copy from its next deploy on. The value goes through stdin alone.
switch_to_copy() {
  local head=${DATABASE_URL%%\?*} options=''
  [[ $DATABASE_URL == *\?* ]] && options=?${DATABASE_URL#*\?}
  printf 'DATABASE_URL="%s"\n' "${head%/*}/$copy$options" |
    "$flyctl" secrets import --app "$app" --stage > "$work/out" 2> "$work/said" || stop 9 "the secret DATABASE_URL could not be staged"
  note switched
  say "the app reads $copy from this deploy on; $PGDATABASE is untouched"
}

# The database in use is dumped first, then replaced as a whole or not at all.
overwrite_in_place() {
  local kept schema
  local -a only=()
  printf -v kept '%s.before.%(%Y%m%dT%H%M%SZ)T.dump' "$state_dir/$app" -1
  say "keeping what is overwritten in $kept"
  pg_dump --format custom --file "$kept" 2> "$work/said" || stop_said 11 "pg_dump failed" "$work/said"
  ask "$copy" "select nspname from pg_namespace
    where nspname not in ('auth', 'storage', 'extensions', 'information_schema') and nspname not like 'pg\_%'" \
    > "$work/schemas" 2> "$work/said" || stop_said 11 "$copy can't be read" "$work/said"
  while IFS= read -r schema; do only+=(--schema "$schema"); done < "$work/schemas"
  default_privileges false > "$work/without" 2> "$work/said" && default_privileges true > "$work/again" 2> "$work/said" ||
    stop_said 11 "the default privileges of $PGDATABASE can't be read" "$work/said"
  say "overwriting $PGDATABASE"
  # Without its last word the transaction is rolled back, so nothing is changed when any of these stops.
  {
    echo 'begin;' && cat "$work/without" &&
      pg_restore --clean --if-exists --no-owner --use-list "$work/chosen" "${only[@]}" --file - "$dump" 2> "$work/said" &&
      cat "$work/again" && echo 'commit;'
  } | psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --dbname "$PGDATABASE" > /dev/null 2> "$work/refused" || {
    [[ -s $work/said ]] || cat "$work/refused" > "$work/said"
    stop_said 11 "the restore failed, nothing was changed" "$work/said"
  }
  note overwritten
  say "$PGDATABASE is as it was at the restore point"
}

# Prints the SQL that sets the user's own default privileges again (true), or to Postgres's own meanwhile (false). An archive
# holds no REVOKE for what a default has granted since: without this, what nobody else may use would be open again.
default_privileges() {
  ask "$PGDATABASE" "
    with given as (
      select defaclobjtype as kind, defaclnamespace as place, one.* from pg_default_acl, aclexplode(defaclacl) one
      where defaclrole = current_user::regrole and defaclobjtype <> 'n'),
    builtin as (
      select defaclobjtype, defaclnamespace, one.* from pg_default_acl,
        aclexplode(acldefault(case defaclobjtype when 'S' then 's' else defaclobjtype end, defaclrole)) one
      where defaclrole = current_user::regrole and defaclobjtype <> 'n' and defaclnamespace = 0),
    changes as (
      select $1 as grants, * from (select * from given except select * from builtin) more
      union all
      select not $1, * from (select * from builtin except select * from given) less)
    select format('alter default privileges %s %s %s on %s %s %s %s;',
      case when place <> 0 then 'in schema ' || place::regnamespace end,
      case when grants then 'grant' else 'revoke' end, privilege_type,
      case kind when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' else 'types' end,
      case when grants then 'to' else 'from' end,
      case when grantee = 0 then 'public' else grantee::regrole::text end,
      case when grants and is_grantable then 'with grant option' end)
    from changes"
}
