"""Every pgTAP result as JUnit's XML: one suite a file, one case a test, and one for a file that did not run to its end. Pure.

Source: https://github.com/windyroad/JUnit-Schema and https://llg.cubic.org/docs/junit/.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from lib.core.redact import redact
from lib.core.wording import plain_text
from lib.tasks.rls.tap_output import TapFile, TapTest

FILE = "pgtap.junit.xml"
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 has no way to write. Source: https://www.w3.org/TR/xml/#charsets."""


def format_pgtap(files: Sequence[TapFile]) -> str:
    """Return the results of all files. A test that is skipped or still to do is `skipped`: it proves nothing."""
    root = ElementTree.Element("testsuites", name="pgTAP")
    for one in files:
        add_file(root, one)
    count(root, [suite for suite in root if suite.tag == "testsuite"])
    ElementTree.indent(root)
    text: str = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def add_file(root: ElementTree.Element, one: TapFile) -> None:
    """Add one file's suite."""
    suite = ElementTree.SubElement(root, "testsuite", name=clean(one.path), time=f"{one.duration_s:.3f}")
    for test in one.tests:
        add_test(suite, one.path, test)
    if one.problem:
        case = ElementTree.SubElement(suite, "testcase", classname=clean(one.path), name="the file runs to its end")
        ElementTree.SubElement(case, "error", message=clean(one.problem))
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for word, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(word, str(sum(case.find(tag) is not None for case in cases)))


def add_test(suite: ElementTree.Element, path: str, test: TapTest) -> None:
    """Add one test's case."""
    name = f"{test.number} - {test.name}"
    case = ElementTree.SubElement(suite, "testcase", classname=clean(path), name=clean(name))
    if test.is_todo or test.is_skipped:
        said = "still to do" if test.is_todo else "skipped"
        ElementTree.SubElement(case, "skipped", message=said if test.is_ok else f"{said}, and failing")
    elif not test.is_ok:
        ElementTree.SubElement(case, "failure", message=clean(name))


def count(root: ElementTree.Element, suites: Sequence[ElementTree.Element]) -> None:
    """Write what the suites add up to."""
    for word in ("tests", "failures", "errors", "skipped"):
        root.set(word, str(sum(int(suite.get(word, "0")) for suite in suites)))


def clean(text: str) -> str:
    """Return text that XML can hold, without credentials."""
    return NOT_XML.sub("?", plain_text(redact(text)))
