# Sets workbook, the checkout of the launch workbook that does the work: LAUNCH_WORKBOOK, else the folder that this pack is in.
# Sourced by sync-secrets.sh and load-mcp-secrets.sh, which set pack. Ends with 2, and one sentence, when it can't be used.
workbook=${LAUNCH_WORKBOOK:-$pack/..}
if [ ! -f "$workbook/lib/__main__.py" ]; then
  echo "There is no launch workbook at $workbook, and it does the work here. Fix: Clone the launch readiness workbook, run \`make setup\` in it, and set LAUNCH_WORKBOOK to its folder." >&2
  exit 2
fi
workbook="$(cd "$workbook" && pwd)"
if [ ! -x "$workbook/.venv/bin/python" ]; then
  echo "The launch workbook at $workbook is not installed. Fix: Run \`make setup\` there." >&2
  exit 2
fi
