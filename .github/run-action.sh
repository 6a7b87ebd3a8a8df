#!/usr/bin/env bash
# What the action runs: the tasks asked for, or those that the changes can touch; the exit code is the verdict's.
# Reads ENVIRONMENT, PACK (from the workspace), ONLY, BASE, STRICT; the run itself writes the step's other outputs.
set -euo pipefail

lib() { .venv/bin/python -m lib "$@"; }
case "$PACK" in
  /*) project=$PACK ;;
  *) project=$GITHUB_WORKSPACE/$PACK ;;
esac
only=$ONLY
if [ -z "$only" ] && [ -n "$BASE" ]; then
  only=$(lib affected "$ENVIRONMENT" --base="$BASE" --pack="$project")
fi
code=0
lib run "$ENVIRONMENT" --only="$only" --pack="$project" --rendered="$RUNNER_TEMP/launch-readiness" || code=$?
echo "exit-code=$code" >> "$GITHUB_OUTPUT"
exit "$code"
