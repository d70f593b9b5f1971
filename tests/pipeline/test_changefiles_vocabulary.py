"""The vocabulary: forms, definitions and documentation are one list, and no step can be two of them."""

import re

import pytest
from checks_helpers import REPOSITORY

from pipeline.changefiles.vocabulary import forms, steps
from pipeline.changefiles.vocabulary.forms import FORMS, Form

SAMPLES = {
    "environment": ("staging", "production"),
    "method": ("GET", "POST"),
    "path": ("/", "/links/$code?a=b"),
    "json": ('{"url": "https://example.org/a b"}', '"text"', "7", "-1.5", "true", "null", "[1, 2]", "$code"),
    "text": ("", "any text", "with 3 times"),
    "value": ("", "https", "application/json; charset=utf-8"),
    "field": ("code", "items.0.name"),
    "header": ("Location", "X-Forwarded-Proto"),
    "name": ("code", "first_1"),
    "count": ("1", "999"),
    "status": ("200", "404"),
}


def filled(form: Form) -> list[str]:
    places = re.findall(r"\{(\w+)\}", form.text)
    longest = max((len(SAMPLES[place]) for place in places), default=1)
    texts = []
    for index in range(longest):
        text = form.text
        for place in places:
            text = text.replace(f"{{{place}}}", SAMPLES[place][index % len(SAMPLES[place])])
        texts.append(text)
    return texts


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.text)
def test_a_step_has_one_form_and_no_other(form: Form) -> None:
    for text in filled(form):
        assert forms.matching(form.keyword, text) == [form], text


def test_every_form_has_a_definition_and_every_definition_a_form() -> None:
    assert sorted(form.text for form in steps.DEFINED) == sorted(form.text for form in FORMS)
    assert all(form is known for form, known in zip(steps.DEFINED, FORMS, strict=True))


def test_the_page_lists_every_form_with_its_meaning_and_no_other() -> None:
    page = (REPOSITORY / "docs" / "how-to" / "write-a-change.md").read_text()
    listed = re.findall(r"^\| `((?:Given|When|Then) .*?)` \| (.*) \|$", page, re.MULTILINE)
    assert listed == [(f"{form.keyword} {form.text}", form.meaning) for form in FORMS]
    kinds = re.findall(r"^\| `\{(\w+)\}` \|", page, re.MULTILINE)
    assert kinds == list(forms.KINDS)


@pytest.mark.parametrize(
    "text", ["the service run", "I FETCH /x", "I GET x", "I GET /x y", "I GET /x 0 times", "the status is ok", ""]
)
def test_what_is_no_step_has_no_form(text: str) -> None:
    assert [form for form in FORMS if form.pattern.fullmatch(text)] == []
