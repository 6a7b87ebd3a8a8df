"""Made-up projects for init: each a folder with what one kind of project has."""

from __future__ import annotations

import json
from pathlib import Path

from lib.onboarding.observed import Finding, ObservedDatabase

CONFIG = '[api]\nschemas = ["public", "app"]\nauto_expose_new_tables = false\n[db]\nmajor_version = 17\n'
FLY = 'app = "shop"\n[http_service]\ninternal_port = 80\n[[http_service.checks]]\nmethod = "GET"\npath = "/up"\n'
RULES = (
    "groups:\n  - name: shop\n    rules:\n"
    "      - {alert: Slow, expr: 'latency_seconds > 0.5', labels: {severity: page}}\n"
    "      - {alert: Down, expr: 'absent(up)', labels: {severity: ticket}}\n"
)
RULE_TESTS = "rule_files: [alerts.yml]\ntests: []\n"
SCRIPTS = {"lint": "eslint .", "test": "vitest run", "deploy": "fly deploy", "ci": "npm run lint && npm run deploy"}
ROW = {"select": "own", "insert": "deny", "update": "deny", "delete": "deny"}
DENY = dict.fromkeys(ROW, "deny")


def write(root: Path, files: dict[str, str]) -> Path:
    """Put files below a folder and return it."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def make_supabase_project(root: Path) -> Path:
    """Return a project that has Supabase alone, with a seed."""
    return write(
        root,
        {
            "supabase/config.toml": CONFIG,
            "supabase/migrations/20250101000000_start.sql": "create table notes (id int primary key);\n",
            "supabase/migrations/claude.md": "# not a migration\n",
            "supabase/seed.sql": "insert into notes values (1);\n",
            "supabase/tests/notes.test.sql": "select 1;\n",
            "package.json": json.dumps({"scripts": SCRIPTS}),
        },
    )


def make_whole_project(root: Path) -> Path:
    """Return a project that has everything that init reads."""
    make_supabase_project(root)
    return write(
        root,
        {
            "fly.toml": FLY,
            "fly.staging.toml": FLY.replace('"shop"', '"shop-staging"'),
            "deploy/alerts.yml": RULES,
            "deploy/alerts.test.yml": RULE_TESTS,
            ".env.example": "STRIPE_SECRET_KEY=sk_live_do_not_show_this_0123456789\nPORT=3000\nNEXT_PUBLIC_ANON_KEY=x\n",
            ".github/workflows/ci.yml": "env: {T: '${{ secrets.CHATWOOT_API_TOKEN }} ${{ secrets.GITHUB_TOKEN }}'}\n",
            ".github/launch-policy.yml": "branch: {pattern: .*}\n",
            "CODEOWNERS": "* @shop/team\n/docs @writer\n",
            "vault/occ/local/app.env": "CHATWOOT_API_TOKEN=abcdefgh12345678\n",
            "vault/occ/local/publer.json": '{"api_key": "zyxwvuts87654321"}',
            "docs/runbooks/deploy.md": "# Deploy\n",
            "docs/direction.md": "# Where this goes\n",
            "node_modules/other/fly.toml": 'app = "theirs"\n',
        },
    )


def observation(**changes: object) -> ObservedDatabase:
    """Return what was observed of a made-up database with one table."""
    values: dict[str, object] = {
        "exposed_schemas": ("public",),
        "owned_schemas": ("public",),
        "seed_counts": {"public.notes": 3},
        "identities": {"anon": {"role": "anon"}, "ann": {"role": "authenticated", "sub": "1"}},
        "scopes": {"public.notes": {"own": "owner = :uid"}},
        "matrix": {"public.notes": {"anon": DENY, "authenticated": ROW}},
        "findings": (Finding(danger=True, place="public.notes", question="anon may insert into public.notes: is that meant?"),),
        **changes,
    }
    return ObservedDatabase(**values)  # type: ignore[arg-type]
