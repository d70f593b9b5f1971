"""An exception is of one factory: a copy of its file says nothing in another. Each attack beside what holds."""

import re
from pathlib import Path

import pytest
from exception_bench import ACCOUNT, FACTORY_ID, HERE, NOW, ExceptionBench

from factory.settings import Settings, new_factory_id


@pytest.fixture
def bench(tmp_path: Path) -> ExceptionBench:
    return ExceptionBench.in_folder(tmp_path / "factory")


@pytest.mark.parametrize(
    ("settings", "there"),
    [
        (Settings(factory_id=(other := new_factory_id())), f"{other}@local"),
        # A clone has the same id; it is another factory by the cloud that it is pointed at.
        (Settings(factory_id=FACTORY_ID, aws="account", aws_account=ACCOUNT), f"{FACTORY_ID}@{ACCOUNT}"),
    ],
    ids=["another id", "another account"],
)
def test_what_was_accepted_in_one_factory_holds_in_no_other(
    bench: ExceptionBench, settings: Settings, there: str
) -> None:
    bench.write(bench.entry())
    assert bench.load().of_stack("links-staging", NOW)
    # The other one has the same people, keys and URNs.
    bench.settings = settings
    error = bench.refused(bench.entry())
    (problem,) = error.problems
    assert (problem.field, problem.found, problem.allowed) == ("exceptions.0.factory", repr(HERE), there)
    assert "signed for another factory" in problem.message
    # To say that it was signed for this one makes it no entry that anybody has signed.
    forged = bench.refused(bench.entry() | {"factory": there})
    assert [each.field.rpartition(".")[2] for each in forged.problems] == ["request_signature", "signature"]
    bench.write(bench.entry(factory=there))
    assert bench.load().of_stack("links-staging", NOW)


def test_an_entry_that_names_no_factory_is_told_to_be_asked_for_anew(bench: ExceptionBench) -> None:
    old = {name: value for name, value in bench.entry().items() if name != "factory"}
    (problem,) = bench.refused(old).problems
    assert (problem.field, problem.line > 1) == ("exceptions.0.factory", True)
    assert "signed for no factory" in problem.message
    assert "ask anew" in str(problem.fix)
    (empty,) = bench.refused(bench.entry(factory="")).problems
    assert "signed for another factory" in empty.message


def test_in_a_factory_without_an_id_nothing_holds_and_one_is_offered(bench: ExceptionBench) -> None:
    bench.write(bench.entry())
    bench.settings = Settings()
    (problem,) = bench.refused(bench.entry(), bench.entry(id="other")).problems
    assert "this factory has no id" in problem.message
    given = re.search(r"`factory_id: (\S+)`", str(problem.fix))
    assert given
    bench.settings = Settings(factory_id=given[1])
    bench.write(bench.entry(factory=f"{given[1]}@local"))
    assert bench.load().entries
    # A file in which nothing is accepted needs none.
    bench.settings = Settings()
    bench.write()
    assert bench.load().entries == ()
