#!/usr/bin/env bash
# Start an MCP server, or any command, with the credentials it needs in its environment: on no command line, in no file.
#   load-mcp-secrets.sh <environment> -- <command> [arguments]
# Which ones is declared in launch/project.yaml, as `needed_by: [mcp]`.
# The work is done by the launch workbook: LAUNCH_WORKBOOK names its checkout when this pack is not inside it.
set -euo pipefail

pack="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

if [ $# -lt 3 ] || [ "$2" != "--" ]; then
  echo "Usage: $(basename "$0") <environment> -- <command> [arguments]" >&2
  exit 2
fi
source "$pack/scripts/ops/find-workbook.bash"
environment="$1"
shift 2
# The command starts where its caller stands.
PYTHONPATH="$workbook${PYTHONPATH:+:$PYTHONPATH}" exec "$workbook/.venv/bin/python" -m lib load-credentials --pack "$pack" "$environment" -- "$@"
