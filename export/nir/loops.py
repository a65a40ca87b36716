"""The order of nodes in a graph with loops: a loop passes through neurons, and what comes around it arrives a step later."""

from collections.abc import Callable, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from snnc.toolchain.errors import CannotExport, FileFormatError

Edge = tuple[str, str]
Sources = Mapping[str, list[str]]


def ordered(sources: Sources, is_neuron: Callable[[str], bool]) -> tuple[list[str], frozenset[Edge]]:
    """Return nodes so that each comes after all its sources, and the edges out of neurons on which a loop takes a step.

    Raises FileFormatError for loops without neurons, and CannotExport, naming the node, for one that feeds both neurons that
    have had their step and neurons that have not.
    """
    try:
        return list(TopologicalSorter(sources).static_order()), frozenset()
    except CycleError:
        pass
    readers: dict[str, list[str]] = {name: [] for name in sources}
    for after, befores in sources.items():
        for before in befores:
            readers[before].append(after)
    place = {name: index for index, name in enumerate(_first_seen_first(sources, readers))}
    back = frozenset(
        (name, reader)
        for name in sources
        if is_neuron(name)
        for reader in readers[name]
        if _leads_back(name, reader, readers, place, is_neuron)
    )
    forward = {name: [before for before in befores if (before, name) not in back] for name, befores in sources.items()}
    try:
        return list(TopologicalSorter(forward).static_order()), back
    except CycleError as error:
        loop = " -> ".join(error.args[1])
        raise FileFormatError(f"nodes {loop} form a loop without neurons; remove it") from None


def _first_seen_first(sources: Sources, readers: Mapping[str, list[str]]) -> list[str]:
    """Return all nodes, each after its sources but for those of a loop that are reached from the input through it."""
    seen, order = set[str](), list[str]()
    for start in [*(name for name in sources if not sources[name]), *sources]:
        waiting: list[tuple[str, Iterable[str]]] = []
        if start not in seen:
            seen.add(start)
            waiting.append((start, iter(readers[start])))
        while waiting:
            name, rest = waiting[-1]
            following = next((reader for reader in rest if reader not in seen), None)
            if following is None:
                order.append(name)
                waiting.pop()
            else:
                seen.add(following)
                waiting.append((following, iter(readers[following])))
    return order[::-1]


def _leads_back(
    name: str,
    reader: str,
    readers: Mapping[str, list[str]],
    place: Mapping[str, int],
    is_neuron: Callable[[str], bool],
) -> bool:
    """Tell whether an edge out of a neuron leads to neurons that have had their step before it."""
    seen, waiting, found = {reader}, [reader], set[bool]()
    while waiting:
        node = waiting.pop()
        if is_neuron(node):
            found.add(place[node] <= place[name])
        elif not readers[node]:
            found.add(False)
        else:
            new = [after for after in readers[node] if after not in seen]
            seen.update(new)
            waiting += new
    if len(found) > 1:
        raise CannotExport(f"node {reader!r} feeds neurons of a loop and others behind it; give each weights of their own")
    return found == {True}
