"""What the common schema of JUnit XML allows, as far as a report of ours could break it.

Jenkins' xunit plugin, junit-10.xsd at 031e285e, which pytest's own reports are held to as well: for each element the
attributes that must and may be there, and the elements in it. Text stands in leaves only.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple
from xml.etree import ElementTree as ET


class Form(NamedTuple):
    """One element of the schema."""

    must: frozenset[str]
    may: frozenset[str]
    children: frozenset[str] = frozenset()


def _form(must: str, may: str, children: str = "") -> Form:
    return Form(*(frozenset(words.split()) for words in (must, may, children)))


FORMS: Final = {
    "testsuites": _form("", "name time tests failures errors", "testsuite"),
    "testsuite": _form(
        "name tests failures errors",
        "group time skipped timestamp hostname id package file log url",
        "testsuite properties testcase system-out system-err",
    ),
    "testcase": _form(
        "name",
        "time classname group",
        "skipped error failure rerunFailure rerunError flakyFailure flakyError system-out system-err",
    ),
    "failure": _form("", "type message"),
    "skipped": _form("", "type message"),
    "system-out": _form("", ""),
}


def faults(element: ET.Element) -> Iterator[str]:
    """What of the element and all in it the schema does not allow."""
    form = FORMS.get(element.tag)
    if form is None:
        yield f"no element {element.tag}"
        return
    given = set(element.keys())
    yield from (f"{element.tag} lacks {name}" for name in form.must - given)
    yield from (f"{element.tag} has no {name}" for name in given - form.must - form.may)
    if form.children and (element.text or "").strip():
        yield f"{element.tag} holds text"
    for child in element:
        if child.tag in form.children:
            yield from faults(child)
        else:
            yield f"no {child.tag} in {element.tag}"
