#!/usr/bin/env bash
# Notify a person by mail that a nightly check failed. For a machine without Python.
#
# Usage: SMTP_URL=smtp://user:password@host:587 NOTIFY_EMAIL=someone@example.com notify-failure.sh WHAT [LINK]
# Exit codes: 0 the mail server took it; 1 it did not; 2 a variable or argument is missing.
# Optional: NOTIFY_FROM (the first of NOTIFY_EMAIL otherwise), TIMEOUT_S. Several addresses are separated by commas.
set -uo pipefail

# shellcheck source=health-common.sh
. "${BASH_SOURCE[0]%/*}/health-common.sh"

[ $# -ge 1 ] || die "What failed is not said. Fix: notify-failure.sh 'Health check' [link]"
require SMTP_URL NOTIFY_EMAIL
NOTIFY_FROM=${NOTIFY_FROM:-${NOTIFY_EMAIL%%,*}}
case $SMTP_URL in
smtps://?*) SECURED='' ;;
smtp://*@127.0.0.1[:/]* | smtp://127.0.0.1[:/]* | smtp://localhost[:/]*) SECURED='' ;;
smtp://?*) SECURED='ssl-reqd' ;;
*) die "SMTP_URL is no address of a mail server. Fix: Set one such as smtp://user:password@host:587." ;;
esac

{
  printf 'From: %s\r\nTo: %s\r\nSubject: %s failed\r\n' "$NOTIFY_FROM" "$NOTIFY_EMAIL" "${1//[[:cntrl:]]/ }"
  printf 'Date: %s\r\nAuto-Submitted: auto-generated\r\n\r\n' "$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S +0000')"
  printf '%s failed.\r\n' "${1//[[:cntrl:]]/ }"
  [ $# -lt 2 ] || printf 'What it saw: %s\r\n' "${2//[[:cntrl:]]/ }"
} >"$WORK/message"

{
  printf 'url = "%s"\n' "$(quoted "$SMTP_URL")"
  printf 'mail-from = "%s"\n' "$(quoted "$NOTIFY_FROM")"
  IFS=, read -r -a people <<<"$NOTIFY_EMAIL"
  for person in "${people[@]}"; do printf 'mail-rcpt = "%s"\n' "$(quoted "${person// /}")"; done
  printf 'upload-file = "%s"\nmax-time = %s\nsilent\nshow-error\n' "$(quoted "$WORK/message")" "$((TIMEOUT_S * 6))"
  [ -z "$SECURED" ] || printf '%s\n' "$SECURED"
} | curl --disable --config - || {
  printf 'Nobody was notified: the mail server did not take the message.\n' >&2
  exit 1
}
printf 'Notified: %s\n' "$NOTIFY_EMAIL"
