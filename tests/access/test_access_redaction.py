"""What looks like a credential gets into no record, however the search for it is shortened."""

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.redaction import PRIVATE_KEY, redacted
from policies.checks.shapes import SHAPES, URL_PASSWORD

EVERY_SHAPE = [PRIVATE_KEY, *(shape for _, shape in SHAPES), URL_PASSWORD]


@pytest.mark.parametrize("shape", EVERY_SHAPE, ids=lambda shape: shape.pattern[:20])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_whatever_has_the_shape_of_a_credential_is_taken_out(shape: re.Pattern[str], data: st.DataObject) -> None:
    text = data.draw(st.from_regex(shape))
    assert shape.search(text)
    assert "[redacted: " in redacted(f"SELECT '{text}'")


@given(st.text(alphabet="abcdefghijklm _.,;'=0123456789"))
def test_other_text_stays_as_it_is(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(("module", "loads"), [("access.postgres.serve", False), ("access.audit", True)])
def test_the_relay_looks_for_credentials_and_loads_no_database_for_it(module: str, loads: bool) -> None:
    script = f"import sys, {module}; print('access.redaction' in sys.modules, 'sqlalchemy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["True", str(loads)]
