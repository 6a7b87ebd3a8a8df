#!/usr/bin/env bash
# Start an MCP server, or any command, with the credentials it needs in its environment: on no command line, in no file.
#   load-mcp-secrets.sh <environment> -- <command> [arguments]
# Which ones is declared in the launch workbook's params, as `needed_by: [mcp]`.
set -euo pipefail

pack="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
workbook="${LAUNCH_WORKBOOK:-$pack/..}"

if [ $# -lt 3 ] || [ "$2" != "--" ]; then
  echo "Usage: $(basename "$0") <environment> -- <command> [arguments]" >&2
  exit 2
fi
if [ ! -f "$workbook/lib/__main__.py" ]; then
  echo "There is no launch workbook at $workbook. Fix: Set LAUNCH_WORKBOOK to its checkout." >&2
  exit 2
fi
environment="$1"
shift 2
# The command starts where its caller stands.
workbook="$(cd "$workbook" && pwd)"
PYTHONPATH="$workbook${PYTHONPATH:+:$PYTHONPATH}" exec "$workbook/.venv/bin/python" -m lib load-credentials --pack "$pack" "$environment" -- "$@"
