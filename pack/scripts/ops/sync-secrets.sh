#!/usr/bin/env bash
# Bring the vault's credentials to Fly.io and GitHub: shows the plan; APPLY=1 carries it out.
#   sync-secrets.sh <environment>
# The work is done by the launch workbook: LAUNCH_WORKBOOK names its checkout when this pack is not inside it.
set -euo pipefail

pack="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

if [ $# -ne 1 ]; then
  echo "Usage: $(basename "$0") <environment>, such as staging. APPLY=1 in front carries the plan out." >&2
  exit 2
fi
source "$pack/scripts/ops/find-workbook.bash"
# Not by way of make, which makes one exit code of all.
cd "$workbook"
exec env PYTHONPATH="$PWD" .venv/bin/python -m lib sync-credentials "$1" --pack "$pack"
