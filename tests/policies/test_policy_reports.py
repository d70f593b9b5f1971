"""Reports for programs: SARIF held against the published schema, JUnit read by a parser, whatever a name holds."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import junit_form
import pytest

from factory.exceptions import Accepted
from policies import CONTROLS, Enforcement, PolicySettings
from policies.decode import CONFIDENTIAL_SIGNATURE, SIGNATURE_KEY
from policies.exported import read_stack
from policies.junit import as_junit
from policies.offline import Checked, check
from policies.sarif import as_sarif
from policies.texts import one_line, printable

# OASIS, sarif-spec at e0583813: sarif-2.1/schema/sarif-schema-2.1.0.json (errata 01).
SCHEMA = json.loads((Path(__file__).parent / "sarif-schema-2.1.0.json").read_text())
GROUP = "aws:ec2/securityGroup:SecurityGroup"
TAGS = {"app": "links", "environment": "build", "owner": "web", "cost-center": "web"}
HOSTILE = "a\x1b[31m\x00\x08]]><b>&\"'[x](https://evil.example){0}\ud800\u0085\ufffe"
SECRET = {SIGNATURE_KEY: CONFIDENTIAL_SIGNATURE, "ciphertext": "x"}


def _group(name: str, *sources: Any, stack: str = "links-build") -> dict[str, Any]:
    tags = {**TAGS, "environment": stack.rpartition("-")[2]}
    inputs = {"ingress": [{"cidrBlocks": [source]} for source in sources], "tags": tags}
    return {"urn": f"urn:pulumi:{stack}::f::{GROUP}::{name}", "type": GROUP, "inputs": inputs}


def _checked(*resources: dict[str, Any]) -> Checked:
    name, stack = read_stack({"version": 3, "deployment": {"resources": list(resources)}}, "it.json")
    return check(CONTROLS, name, stack, PolicySettings())


def _sarif(*checked: Checked) -> dict[str, Any]:
    log = as_sarif(checked, CONTROLS, {one.stack: "apps/links/app.yaml" for one in checked}, "1.2.3")
    valid: dict[str, Any] = json.loads(json.dumps(log))
    jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(valid)
    (run,) = valid["runs"]
    return dict(run)


def test_a_finding_has_its_rule_level_place_and_score_in_a_log_that_the_schema_takes() -> None:
    run = _sarif(_checked(_group("door", "10.0.0.0/8", "0.0.0.0/0")))
    (result,) = run["results"]
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert rule["id"] == result["ruleId"] == "no-world-ingress"
    assert rule["properties"]["security-severity"] == "9.5"
    assert "cidrBlocks, securityGroups" in rule["help"]["text"]
    assert (result["kind"], result["level"]) == ("fail", "error")
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "apps/links/app.yaml"
    urn = f"urn:pulumi:links-build::f::{GROUP}::door"
    names = [each["fullyQualifiedName"] for each in location["logicalLocations"]]
    assert names == [urn, f"{urn}#ingress[1].cidrBlocks[0]"]
    assert [each["id"] for each in run["tool"]["driver"]["rules"]] == [control.id for control in CONTROLS]


def test_the_schema_refuses_a_log_that_is_none() -> None:
    log = as_sarif([_checked(_group("door", "0.0.0.0/0"))], CONTROLS, {"links-build": "x"}, "1")
    log["runs"][0]["results"][0]["level"] = "bad"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(SCHEMA).validate(log)


def test_what_is_not_decided_is_open_and_has_no_level() -> None:
    run = _sarif(_checked(_group("door", SECRET)))
    assert {(each["kind"], each["level"]) for each in run["results"]} == {("open", "none")}
    assert _sarif(_checked(_group("door", "10.0.0.0/8")))["results"] == []


def test_an_advisory_finding_is_a_warning() -> None:
    checked = _checked(_group("door", "0.0.0.0/0"))
    (told,) = checked.findings
    softer = Checked("links-build", 1, (type(told)(told.verdict, Enforcement.ADVISORY),), ())
    assert [each["level"] for each in _sarif(checked)["results"]] == ["error"]
    assert [each["level"] for each in _sarif(softer)["results"]] == ["warning"]


def _prints(run: dict[str, Any]) -> Iterator[str]:
    for result in run["results"]:
        prints = result["partialFingerprints"]
        assert prints["millwright/v1"] == prints["primaryLocationLineHash"]
        yield prints["millwright/v1"]


def test_a_fingerprint_stays_when_things_come_in_another_order_and_differs_between_findings() -> None:
    one, two = _group("one", "0.0.0.0/0", "::/0", "10.0.0.0/8"), _group("two", "0.0.0.0/0", "0.0.0.0/0")
    moved = _group("one", "10.0.0.0/8", "::/0", "0.0.0.0/0")
    before = list(_prints(_sarif(_checked(one, two))))
    assert len(set(before)) == len(before) == 4
    assert set(_prints(_sarif(_checked(two, moved)))) == set(before)
    elsewhere = _group("one", "0.0.0.0/0", stack="links-staging")
    assert not set(_prints(_sarif(_checked(elsewhere)))) & set(before)


def test_several_stacks_are_one_run_whose_category_is_no_single_stacks() -> None:
    build, staging = (_checked(_group("door", "0.0.0.0/0", stack=name)) for name in ("links-build", "links-staging"))
    both = _sarif(build, staging)
    assert [each["properties"]["stack"] for each in both["results"]] == ["links-build", "links-staging"]
    categories = [_sarif(*stacks)["automationDetails"]["id"] for stacks in ((build,), (staging,), (build, staging))]
    assert len(set(categories)) == 3


def test_no_text_of_a_stack_is_markup_a_link_or_a_control_character_in_sarif() -> None:
    (result,) = _sarif(_checked(_group(HOSTILE, "0.0.0.0/0")))["results"]
    text = result["message"]["text"]
    assert "](" not in text
    assert "{{0}}" in text
    assert text.isprintable()
    assert "\\x1b[31m\\x00" in text


def _suites(*checked: Checked, fail_on: Enforcement = Enforcement.MANDATORY) -> ET.Element:
    text = as_junit(checked, CONTROLS, fail_on)
    suites = ET.fromstring(text.encode())  # noqa: S314 -- what was written here
    assert list(junit_form.faults(suites)) == []
    return suites


def _case(suites: ET.Element, rule: str, stack: str = "links-build") -> ET.Element:
    found = suites.find(f"testsuite[@name='{stack}']/testcase[@name='{rule}']")
    assert found is not None
    return found


def test_junit_has_a_suite_for_each_stack_and_a_case_for_each_rule() -> None:
    bad, good = _checked(_group("door", "0.0.0.0/0")), _checked(_group("door", "10.0.0.0/8", stack="links-staging"))
    suites = _suites(bad, good)
    assert [suite.get("name") for suite in suites] == ["links-build", "links-staging"]
    assert (suites.get("tests"), suites.get("failures")) == (str(2 * len(CONTROLS)), "1")
    assert [suite.get("skipped") for suite in suites] == ["0", "0"]
    failure = _case(suites, "no-world-ingress").find("failure")
    assert failure is not None
    assert failure.get("message") == "1 finding"
    assert "::door: ingress[0].cidrBlocks[0] lets in" in (failure.text or "")
    assert "Fix: name the networks" in (failure.text or "")
    assert _case(suites, "no-world-ingress", "links-staging").find("failure") is None
    assert [len(list(suite)) for suite in suites] == [len(CONTROLS)] * 2


def test_junit_skips_what_is_not_decided_and_fails_by_the_level_that_fails_the_command() -> None:
    undecided = _case(_suites(_checked(_group("door", SECRET))), "no-world-ingress")
    assert undecided.find("skipped") is not None
    checked = _checked(_group("door", "0.0.0.0/0"))
    (told,) = checked.findings
    softer = Checked("links-build", 1, (type(told)(told.verdict, Enforcement.ADVISORY),), ())
    assert _case(_suites(softer), "no-world-ingress").find("failure") is None
    assert "lets in" in (_case(_suites(softer), "no-world-ingress").findtext("system-out") or "")
    failed = _case(_suites(softer, fail_on=Enforcement.ADVISORY), "no-world-ingress")
    assert failed.find("failure") is not None


def test_junit_stays_well_formed_whatever_a_name_holds() -> None:
    failure = _case(_suites(_checked(_group(HOSTILE, "0.0.0.0/0"))), "no-world-ingress").find("failure")
    assert failure is not None
    assert "\\x1b[31m\\x00\\x08]]><b>&" in (failure.text or "")


def test_control_characters_are_spelt_out_and_other_texts_stay_as_they_are() -> None:
    assert printable("a\tb\nc é 漢 \U0001f600") == "a\tb\nc é 漢 \U0001f600"
    assert one_line("a\tb\nc\r\x7f\x9b\ud800\uffff") == "a\\tb\\nc\\r\\x7f\\x9b\\ud800\\uffff"


def _accepted(checked: Checked) -> Checked:
    """The same with its findings accepted, by an exception that has been verified."""
    said = {
        "id": "one",
        "approver": "sam",
        "expires": "2026-12-29",
        "reason": "[x](https://evil.example)\x1b",
        "ticket": "1",
    }
    entry = Accepted.model_construct(**said, fingerprint="sha256:1")
    told = tuple(replace(each, exception=entry) for each in checked.findings)
    return replace(checked, findings=(), accepted=told)


def test_the_form_refuses_a_junit_report_that_is_none() -> None:
    suites = _suites(_checked(_group("door", "0.0.0.0/0")))
    case = _case(suites, "no-world-ingress")
    ET.SubElement(case, "accepted")
    case.attrib.pop("name")
    suites.set("skipped", "1")
    assert sorted(junit_form.faults(suites)) == [
        "no accepted in testcase",
        "testcase lacks name",
        "testsuites has no skipped",
    ]


def test_what_a_person_accepted_is_a_skipped_case_that_says_who_until_when_and_why() -> None:
    suites = _suites(_accepted(_checked(_group("door", "0.0.0.0/0", "::/0"))), fail_on=Enforcement.ADVISORY)
    (suite,) = suites
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "2")
    assert suites.get("tests") == suite.get("tests") == str(len(suite)) == str(len(CONTROLS) + 2)
    rule = _case(suites, "no-world-ingress")
    assert list(rule) == []
    skipped = _case(suites, "no-world-ingress door ingress[1].cidrBlocks[0]").find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "accepted until 2026-12-29 by sam (one): [x](https://evil.example)\\x1b"
    assert (skipped.text or "").endswith("IPv6 addresses (found ::/0)")


def test_what_a_person_accepted_is_suppressed_in_sarif() -> None:
    open_ = _checked(_group("door", "0.0.0.0/0"))
    (before,), (after,) = (_sarif(each)["results"] for each in (open_, _accepted(open_)))
    (suppression,) = after["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
    assert suppression["justification"] == "accepted until 2026-12-29 by sam (one): [x] (https://evil.example)\\x1b"
    assert "suppressions" not in before
    assert before["partialFingerprints"] == after["partialFingerprints"]
