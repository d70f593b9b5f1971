"""What follows the records looks often and reads seldom: when something has changed, and now and then anyway."""

from dataclasses import dataclass

from localcloud.seen import LONGEST_SECONDS, Seen


@dataclass
class World:
    """What is read, which version it is, what time it is, and how often it was read."""

    value: str = "first"
    version: int = 1
    now: float = 100.0
    reads: int = 0

    def read(self) -> str:
        self.reads += 1
        return self.value


def seen_of(world: World) -> Seen[str]:
    return Seen(lambda: world.version, world.read, lambda: world.now)


def test_what_has_not_changed_is_read_once() -> None:
    world = World()
    look = seen_of(world)
    assert [look() for _ in range(10)] == ["first"] * 10
    assert world.reads == 1


def test_a_change_is_seen_at_the_next_look() -> None:
    world = World()
    look = seen_of(world)
    look()
    world.value, world.version = "second", 2
    assert (look(), world.reads) == ("second", 2)


def test_what_changes_while_it_is_read_is_read_again() -> None:
    world = World()

    def read() -> str:
        before = world.read()
        if world.reads == 1:
            world.value, world.version = "second", 2
        return before

    look = Seen(lambda: world.version, read, lambda: world.now)
    assert [look(), look(), look()] == ["first", "second", "second"]


def test_what_changes_by_itself_is_seen_after_a_while() -> None:
    world = World()
    look = seen_of(world)
    look()
    world.value = "aged"
    world.now += LONGEST_SECONDS / 2
    assert look() == "first"
    world.now += LONGEST_SECONDS / 2
    assert look() == "aged"
