"""What the pack says of stacks as JUnit XML, which CI systems show.

A suite for each stack; in it a case for each rule, and one for each finding that a person accepted. JUnit has no
standard: the form is that of Jenkins' schema (xunit plugin, junit-10.xsd).
"""

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from policies.model import PACK_NAME, Control, Enforcement
from policies.offline import Checked, Told
from policies.texts import one_line


def as_junit(checked: Sequence[Checked], controls: Sequence[Control], fail_on: Enforcement) -> str:
    """One document. A rule whose findings fail the command has a failure; one that is left undecided is skipped.

    Findings below the level `fail_on` stand in the output of their rule's case. What a person accepted is a skipped
    case of its own, which says who, until when and why.
    """
    top = ET.Element("testsuites", name=f"{PACK_NAME} policies")
    suites = [_suite(one, controls, fail_on) for one in checked]
    top.extend(suites)
    for count in ("tests", "failures", "errors"):
        top.set(count, str(sum(int(suite.get(count, "0")) for suite in suites)))
    ET.indent(top)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(top, encoding="unicode")}\n'


def _suite(checked: Checked, controls: Sequence[Control], fail_on: Enforcement) -> ET.Element:
    cases = [_case(checked, control, fail_on) for control in controls]
    cases += [_accepted(checked, told) for told in checked.accepted]
    suite = ET.Element("testsuite", name=one_line(checked.stack), tests=str(len(cases)), errors="0")
    for count, tag in (("failures", "failure"), ("skipped", "skipped")):
        suite.set(count, str(sum(case.find(tag) is not None for case in cases)))
    suite.extend(cases)
    return suite


def _case(checked: Checked, control: Control, fail_on: Enforcement) -> ET.Element:
    case = _testcase(checked, control.id)
    found = [told for told in checked.findings if told.verdict.control is control]
    undecided = [told for told in checked.deferred if told.verdict.control is control]
    failing = [told for told in found if told.level in (Enforcement.MANDATORY, fail_on)]
    if failing:
        failure = ET.SubElement(case, "failure", message=_counted(len(failing), "finding"), type=control.severity.value)
        failure.text = f"{_lines(failing)}\nFix: {one_line(control.fix)}."
    elif undecided:
        ET.SubElement(case, "skipped", message=f"{_counted(len(undecided), 'verdict')} only the engine can give")
    beside = [*(told for told in found if told not in failing), *undecided]
    if beside:
        ET.SubElement(case, "system-out").text = _lines(beside)
    return case


def _accepted(checked: Checked, told: Told) -> ET.Element:
    name = " ".join(filter(None, (told.verdict.control.id, told.urn.rpartition("::")[2] or "the stack", told.path)))
    case = _testcase(checked, one_line(name))
    exception = told.exception
    if exception is not None:
        why = one_line(f"{exception}: {exception.reason}")
        ET.SubElement(case, "skipped", type="accepted", message=why).text = _lines([told])
    return case


def _testcase(checked: Checked, name: str) -> ET.Element:
    return ET.Element("testcase", classname=one_line(f"{PACK_NAME}.{checked.stack}"), name=name)


def _lines(told: Iterable[Told]) -> str:
    places = ((each, f"{each.path} " if each.path else "") for each in told)
    return "\n".join(one_line(f"{each.urn or 'the stack'}: {place}{each.message}") for each, place in places)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
