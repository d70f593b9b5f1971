"""A recorded terminal, played: at its pace, and without what would reach beyond the screen of whoever watches."""

import json
from pathlib import Path

import pytest

from console import terminal_player


def cast(folder: Path, *events: tuple[float, str, str]) -> Path:
    file = folder / "one.cast"
    lines = [json.dumps({"version": 2, "width": 80, "height": 24}), *(json.dumps(each) for each in events)]
    file.write_text("\n".join(lines) + "\n")
    return file


def printed(file: Path) -> str:
    found: list[str] = []
    terminal_player.printed(file, found.append)
    return "".join(found)


def test_it_is_played_at_its_pace_with_short_pauses_and_without_what_was_typed(tmp_path: Path) -> None:
    file = cast(
        tmp_path, (1.0, "o", "one "), (1.5, "i", "typed"), (3.0, "o", "two "), (93.0, "o", "three"), (94, "x", "")
    )
    pauses: list[float] = []
    written: list[str] = []
    terminal_player.play(file, written.append, speed=2, idle=4, sleep=pauses.append)
    assert pauses == [0.5, 1.0, 2.0]
    assert "".join(written).startswith("one two three")


@pytest.mark.parametrize(
    "harmful",
    [
        "\x1b]0;a title\x07",
        "\x1b]52;c;ZWNobyBvdw==\x07",
        "\x1b]8;;https://example.com\x1b\\",
        "\x1bP+q544e\x1b\\",
        "\x1b[c",
        "\x1b[>0c",
        "\x1b[6n",
        "\x1b[21t",
        "\x1bc",
        "\x1b[?1000h",
        "\x1b[?1006;1015h",
        "\x05",
        "\x1b[0x",
    ],
)
@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_what_asks_or_sets_the_terminal_is_left_out_wherever_it_is_cut(tmp_path: Path, harmful: str, cut: int) -> None:
    cut = min(cut, len(harmful))
    file = cast(tmp_path, (0, "o", "before" + harmful[:cut]), (1, "o", harmful[cut:] + "after"))
    assert printed(file) == "beforeafter"


def test_what_draws_on_the_screen_stays(tmp_path: Path) -> None:
    drawn = "\x1b[1;31mred\x1b[0m \x1b[2J\x1b[10;5H\x1b[K\x1b[?25l\x1b[?1049h ä \r\n\t"
    assert printed(cast(tmp_path, (0, "o", drawn))) == drawn


def test_controls_of_eight_bits_are_left_out_and_the_rest_is_text(tmp_path: Path) -> None:
    assert printed(cast(tmp_path, (0, "o", "a\x9b6n\x90b"))) == "a6nb"


def test_a_sequence_that_never_ends_hides_nothing(tmp_path: Path) -> None:
    file = cast(tmp_path, (0, "o", "\x1b]0;" + "x" * 5000), (1, "o", "seen"))
    assert printed(file).endswith("seen")


def test_what_is_no_recording_is_told(tmp_path: Path) -> None:
    file = tmp_path / "one.cast"
    file.write_text('{"version": 2}\n[0.1, "o"]\n')
    with pytest.raises(ValueError, match="no event"):
        printed(file)
