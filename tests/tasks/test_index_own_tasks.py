"""Every check there is, is asked for often and made once; it is another list once a project's own tasks are among them."""

from __future__ import annotations

from dataclasses import replace

from lib.tasks.index import WORKING, every_check, use_own_tasks, using_own_tasks


def test_a_projects_own_checks_are_there_as_long_as_its_tasks_are() -> None:
    before = every_check()
    assert every_check() is before
    own = replace(WORKING[0], name="cdn_cache", checks=(replace(WORKING[0].checks[0], id="cdn_cache.files_are_there"),))
    with using_own_tasks([own]):
        assert every_check().keys() - before.keys() == {"cdn_cache.files_are_there", "cdn_cache.notebook_ran_to_its_end"}
        use_own_tasks([])
        assert every_check() == before
        use_own_tasks([own])
    assert every_check() == before
