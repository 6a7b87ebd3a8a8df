"""Only scripts that prove something and change nothing outside are run."""

from __future__ import annotations

import pytest

from lib.onboarding.read_commands import why_not


@pytest.mark.parametrize(
    ("scripts", "why"),
    [
        ({"ci": "npm run lint && npm test", "lint": "eslint .", "test": "jest"}, ""),
        ({"ci": "npm run build && npm run ship", "ship": "fly deploy"}, "deploy"),
        ({"ci": "vitest run", "postci": "npm publish"}, "publish"),
        ({"ci": "pnpm db:fresh", "db:fresh": "supabase db reset"}, "reset"),
        ({"ci": "supabase db push"}, "db push"),
        ({"ci": "yarn one", "one": "yarn two", "two": "yarn one && vercel --prod"}, "--prod"),
        ({"ci": "run-s lint ship", "lint": "eslint", "ship": "semantic-release"}, "semantic-release"),
        ({"ci": "jest --watch"}, "--watch"),
        ({"ci": "jest --watchAll=false"}, ""),
        ({"ci": 'echo "Error: no test specified" && exit 1'}, "does nothing"),
        ({"ci": "exit 0"}, "does nothing"),
        ({"ci": "eslint src/preset.ts src/republished.ts"}, ""),
    ],
)
def test_a_script_is_judged_by_all_that_it_reaches(scripts: dict[str, str], why: str) -> None:
    said = why_not("ci", scripts)
    assert (why in said) if why else said == ""
