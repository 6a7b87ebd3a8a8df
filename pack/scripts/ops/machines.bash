# Whether an app's machines are healthy by the meaning of their own config. The workbook's lib/clients/fly/machine_health.py
# says the same of the same machines, in the same words; both are held to one table of cases.

declare -a machine_id machine_state machine_tag machine_digest machine_region machine_host machine_group counted
declare -a primary standby schedule policy services sleeping asleep_for_good least wanted events
declare -A event_type event_code event_asked event_seen check_name check_status

# Reads what json_values printed of `flyctl machine list --json` into arrays by the machine's place in the list.
# Sets counted to the places that belong to what a deploy keeps: machines that end by themselves and are destroyed do not.
read_machines() {
  local path value place rest marked='' key
  local -A platform=() passing=()
  machine_id=() machine_state=() machine_tag=() machine_digest=() machine_region=() machine_host=() machine_group=()
  primary=() standby=() schedule=() policy=() services=() sleeping=() asleep_for_good=() least=() wanted=()
  event_type=() event_code=() event_asked=() event_seen=() events=() check_name=() check_status=() counted=()
  while IFS=$'\t' read -r path value; do
    place=${path%%.*} rest=${path#*.} rest=${rest/#incomplete_config./config.}
    [[ $value != null && $place =~ ^[0-9]+$ ]] || continue
    case $rest in
      id) machine_id[$place]=$value ;;
      state) machine_state[$place]=$value ;;
      region) machine_region[$place]=$value ;;
      host_status) machine_host[$place]=$value ;;
      image_ref.tag) machine_tag[$place]=$value ;;
      image_ref.digest) machine_digest[$place]=$value ;;
      config.auto_destroy) [[ $value != true ]] || passing[$place]=1 ;;
      config.metadata.*)
        marked+=" $place "
        case $rest in
          config.metadata.fly_platform_version) platform[$place]=$value ;;
          config.metadata.fly_process_group) machine_group[$place]=$value ;;
          config.metadata.process_group) [[ $value != release_command ]] || passing[$place]=1 ;;
        esac ;;
      config.env.PRIMARY_REGION) primary[$place]=$value ;;
      config.env.*) ;;
      config.standbys.*) standby[$place]=1 ;;
      config.schedule) schedule[$place]=$value ;;
      config.restart.policy) policy[$place]=$value ;;
      config.checks.*.type) wanted[$place]=$((${wanted[$place]:-0} + 1)) ;;
      config.services.*) read_service ;;
      checks.*.name | checks.*.status)
        key=${rest#checks.} key=$place.${key%%.*}
        [[ ${key#*.} =~ ^[0-9]+$ ]] || continue
        [[ $rest != *.name ]] || check_name[$key]=$value
        [[ $rest != *.status ]] || check_status[$key]=$value ;;
      events.*) read_event ;;
    esac
  done < "$1"
  for (( place = 0; place < ${#machine_id[@]}; place++ )); do
    case ${machine_group[$place]:-app} in fly_app_release_command | fly_app_test_machine_command | fly_app_console) continue ;; esac
    [[ ${machine_state[$place]:-} != destroy* && -z ${passing[$place]:-} ]] || continue
    [[ $marked != *" $place "* || ${platform[$place]:-} == v2 ]] || continue
    counted+=("$place")
  done
}

# Of read_machines: one value of a service.
read_service() {
  local number=${rest#config.services.}
  local name=${number#*.}
  number=${number%%.*}
  [[ $number =~ ^[0-9]+$ ]] || return
  (( number < ${services[$place]:-0} )) || services[$place]=$((number + 1))
  case $name in
    autostop) [[ $value == false || $value == off ]] || sleeping[$place]=$((${sleeping[$place]:-0} + 1)) ;;
    autostart) [[ $value != false ]] || asleep_for_good[$place]=1 ;;
    min_machines_running) [[ ! $value =~ ^[0-9]{1,9}$ ]] || (( value <= ${least[$place]:-0} )) || least[$place]=$value ;;
    checks.*.type) wanted[$place]=$((${wanted[$place]:-0} + 1)) ;;
  esac
}

# Of read_machines: one value of an event. Events are listed newest first; a code of 0 may be left out.
read_event() {
  local number=${rest#events.}
  local name=${number#*.}
  number=${number%%.*}
  [[ $number =~ ^[0-9]+$ ]] || return
  (( number < ${events[$place]:-0} )) || events[$place]=$((number + 1))
  case $name in
    type) event_type[$place.$number]=$value ;;
    request.exit_event.* | request.MonitorEvent.exit_event.*)
      event_seen[$place.$number]=1
      [[ $name != *.exit_code ]] || event_code[$place.$number]=$value
      [[ $name != *.requested_stop || $value != true ]] || event_asked[$place.$number]=1 ;;
  esac
}

# Returns whether the machines that were read are healthy; sets seen to what is not.
judge_machines() {
  local place group
  local -A groups=()
  seen=''
  (( ${#counted[@]} )) || { seen='no machine is there'; return 1; }
  for place in "${counted[@]}"; do
    judge_machine "$place"
    [[ -z $seen ]] || return 1
  done
  for place in "${counted[@]}"; do
    group=${machine_group[$place]:-app}
    [[ -z ${groups[$group]:-} ]] || continue
    groups[$group]=1
    judge_group "$group"
    [[ -z $seen ]] || return 1
  done
}

# Sets seen when a machine is not healthy by itself.
judge_machine() {
  local id=${machine_id[$1]} state=${machine_state[$1]:-} host=${machine_host[$1]:-ok} ended=''
  [[ $host == ok ]] || { seen="the host of machine $id is $host"; return; }
  [[ -z ${standby[$1]:-} || ! $state =~ ^(stopped|suspended|created)$ ]] || return
  case $state in
    started) judge_checks "$1" "$id"; return ;;
    stopped | suspended) ;;
    *) seen="machine $id is $state"; return ;;
  esac
  find_end "$1"
  if [[ -n $ended && $ended != 0 ]]; then
    seen="machine $id ended with exit code $ended"
  elif [[ -n ${schedule[$1]:-} ]]; then
    return
  elif (( ! ${services[$1]:-0} )); then
    [[ ${policy[$1]:-} == no && $ended == 0 ]] || seen="machine $id is $state"
  elif (( ${sleeping[$1]:-0} < services[$1] )); then
    seen="machine $id is $state, and auto_stop_machines is off"
  elif [[ -n ${asleep_for_good[$1]:-} ]]; then
    seen="machine $id is $state, and auto_start_machines is off"
  fi
}

# Sets seen when a check of a machine that runs does not pass, or was not reported.
judge_checks() {
  local number reported=0
  for (( number = 0; ; number++ )); do
    [[ -n ${check_name[$1.$number]:-} ]] || break
    [[ ${check_name[$1.$number]} != bg_deployments_compat* ]] || continue
    reported=$((reported + 1))
    [[ ${check_status[$1.$number]:-} == passing ]] && continue
    seen="check ${check_name[$1.$number]} of machine $2 is ${check_status[$1.$number]:-unknown}"
    return
  done
  (( reported >= ${wanted[$1]:-0} )) || seen="machine $2 has reported $reported of its ${wanted[$1]} health checks"
}

# Sets ended to the exit code of the newest end; leaves it empty where there is none, or somebody asked for it.
find_end() {
  local number
  for (( number = 0; number < ${events[$1]:-0}; number++ )); do
    [[ ${event_type[$1.$number]:-} == exit ]] || continue
    [[ -z ${event_seen[$1.$number]:-} || -n ${event_asked[$1.$number]:-} ]] || ended=${event_code[$1.$number]:-0}
    return
  done
}

# Sets seen when fewer machines of a group run than its config asks for.
judge_group() {
  local place most=0 running=0 region=''
  for place in "${counted[@]}"; do
    [[ ${machine_group[$place]:-app} == "$1" ]] || continue
    # It says how many are left running where machines may be stopped; it makes none.
    (( ${sleeping[$place]:-0} < ${services[$place]:-0} || ${least[$place]:-0} <= most )) || most=${least[$place]}
    region=${region:-${primary[$place]:-}}
  done
  for place in "${counted[@]}"; do
    [[ ${machine_group[$place]:-app} == "$1" && ${machine_state[$place]:-} == started ]] || continue
    [[ -n $region && ${machine_region[$place]:-} != "$region" ]] || running=$((running + 1))
  done
  (( running >= most )) || seen="$running of the $most machines of group $1 that min_machines_running asks for run${region:+ in $region}"
}
