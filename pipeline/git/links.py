"""Where symbolic links of a tree lead, worked out without a file system."""

from collections.abc import Mapping

from pipeline.git.names import folded

# Linux gives up after as many (path_resolution(7)).
MOST_LINKS = 40


def leads_out(path: str, links: Mapping[str, str]) -> str | None:
    """Why `path` of a tree does not resolve inside it, or None. `links` are all links of the tree: path to target.

    Every `..` is taken where the path has really got to, through whatever links: what a kernel does, not what the
    text looks like.
    """
    todo = path.split("/")[::-1]
    place: list[str] = []
    followed = 0
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not place:
                return "leads out of the tree"
            place.pop()
            continue
        place.append(part)
        target = links.get("/".join(place))
        if target is None:
            continue
        followed += 1
        if followed > MOST_LINKS:
            return "leads in a circle"
        if target.startswith("/"):
            return "leads to an absolute path"
        place.pop()
        todo.extend(target.split("/")[::-1])
    return "leads into .git" if place and folded(place[0]) == ".git" else None
