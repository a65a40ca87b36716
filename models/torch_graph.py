"""The forward pass of a module of PyTorch as steps in order: modules, and sums, with the line of the code that has them."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import fx, nn

from snnc.models.torch_neurons import NEURONS, is_neuron
from snnc.toolchain.errors import ConfigError, located, one_line

POOLS = (nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d)
WEIGHTS = (nn.Conv2d, nn.Linear)
KNOWN = (*POOLS, *NORMS, *DROPOUTS, *WEIGHTS, nn.Flatten, nn.Identity)
FRAMEWORKS = {framework for framework, _ in NEURONS}
TAKEN = (
    "Conv2d, Linear, BatchNorm, AvgPool2d, MaxPool2d of spikes, Flatten, Dropout, Leaky, LIFNode, IFNode, LIFBoxCell, and sums"
)
ADD: tuple[Any, ...] = (operator.add, operator.iadd, torch.add, "add")
FLATTEN: tuple[Any, ...] = (torch.flatten, "flatten")
REFUSED: dict[str, tuple[str, tuple[Any, ...]]] = {
    "it multiplies": ("spikes can only be added", (operator.mul, operator.imul, torch.mul, "mul", "mul_")),
    "it subtracts": (
        "spikes can only be added: let the weights behind have the sign",
        (operator.sub, operator.isub, torch.sub, "sub", "sub_"),
    ),
    "it concatenates": (
        "give each its own weights and add what these give, as in neuron(conv1(a) + conv2(b))",
        (torch.cat, torch.concat, torch.concatenate),
    ),
}
FRAME = re.compile(r'File "(.+)", line (\d+), in (.+)')
NOT_THE_USERS = (str(Path(torch.__file__).parent), __file__)


@dataclass(frozen=True)
class Step:
    """One operation: a module, or a sum where that is None.

    `name` is that of what it gives, `takes` names what it is given, `uses` counts who takes the result. `where` is for people.
    """

    name: str
    where: str
    takes: tuple[str, ...]
    uses: int
    label: str = ""
    module: nn.Module | None = None


@dataclass(frozen=True)
class Forward:
    """A forward pass: the name of its input, its steps in order, and the name of what it returns."""

    input: str
    steps: tuple[Step, ...]
    output: str


def forward_of(module: nn.Module) -> Forward:
    """Return the steps that lead to what a module returns. Raises ConfigError for what is neither a module nor a sum."""
    if is_neuron(module) or isinstance(module, KNOWN):
        module = nn.Sequential(module)
    graph, inner, called = _traced(module), dict(module.named_modules()), set[int]()
    nodes = _live(graph)
    first = next((node for node in graph.nodes if node.op == "placeholder"), None)
    if first is None:
        raise ConfigError(f"the forward pass of {type(module).__name__} takes no input; give one time step of a network")
    same, steps = {first: first.name}, list[Step]()
    for node in nodes:
        where = _where(node, inner)
        with located(where):
            if node.op == "placeholder" and node is not first:
                raise ConfigError("it is a second input; give one time step, without states")
            if node.op in ("placeholder", "output"):
                continue
            if _is_first_of_neuron(node, inner):
                same[node] = same[node.args[0]]
                continue
            _check_in_place(node, nodes, inner)
            label, part = _operation(node, inner)
            if id(part) in called:
                raise ConfigError("it is called twice, with the same weights or states; give each place a module of its own")
            if part is not None and (is_neuron(part) or isinstance(part, (*WEIGHTS, *NORMS))):
                called.add(id(part))
            same[node] = node.name
            uses = len(_readers(node, nodes, inner))
            steps.append(Step(node.name, where, _taken(node, same, part), uses, label, part))
    (returned,) = nodes[-1].args
    if not isinstance(returned, fx.Node):
        raise ConfigError("the forward pass returns several values; return what the last neurons or weights give, alone")
    return Forward(first.name, tuple(steps), same[returned])


class _Value(fx.Proxy):
    """Keeps `+=` apart from `+`: it changes what other names of the same tensor see."""

    def __iadd__(self, other: Any) -> fx.Proxy:
        return self.tracer.create_proxy("call_function", operator.iadd, (self, other), {})


class _Tracer(fx.Tracer):
    """Takes neurons and what PyTorch has as they are, and looks into all other modules."""

    record_stack_traces = True

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if is_neuron(m) or isinstance(m, KNOWN):
            return True
        theirs = type(m).__module__.split(".", maxsplit=1)[0] in FRAMEWORKS
        holds = any(is_neuron(each) or isinstance(each, KNOWN) for each in m.modules())
        leaf: bool = super().is_leaf_module(m, module_qualified_name)
        return leaf or (theirs and not holds)

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Value(node, self)

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return super().call_module(m, forward, args, kwargs)
        except ConfigError:
            raise
        except Exception as error:  # noqa: BLE001 - a user's code fails in any way there is once it is traced
            raise _untraceable(f"module {self.path_of_module(m)!r} ({type(m).__name__})", error) from None


def _traced(module: nn.Module) -> fx.Graph:
    try:
        return _Tracer().trace(module)
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        raise _untraceable(type(module).__name__, error) from None


def _untraceable(what: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"the forward pass of {what} cannot be traced ({one_line(error)}); give one time step, without states or loops, such "
        "as an nn.Sequential"
    )


def _live(graph: fx.Graph) -> list[fx.Node]:
    """Return the nodes that the result depends on, in order."""
    live = set[fx.Node]()
    for node in reversed(graph.nodes):
        if node.op == "output" or node in live:
            live |= {node, *node.all_input_nodes}
    return [node for node in graph.nodes if node in live]


def _where(node: fx.Node, inner: dict[str, nn.Module]) -> str:
    """Return the module, and the last line of the user's own code on the way to a node."""
    frames = _frames(node.stack_trace or "")
    start = next((i for i, frame in enumerate(frames) if frame[2] == "forward"), len(frames))
    own = [frame for frame in frames[start:] if not frame[0].startswith(NOT_THE_USERS)]
    line = f"{Path(own[-1][0]).name}, line {own[-1][1]}" if own else ""
    if node.op == "call_module":
        named = f"module {str(node.target)!r} ({type(inner[str(node.target)]).__name__})"
        return f"{named} in {line}" if line else named
    return f"{line} ({own[-1][3] or node.name})" if line else repr(node.name)


def _frames(trace: str) -> list[tuple[str, int, str, str]]:
    found = [(FRAME.match(text), code) for text, code in pairwise([*map(str.strip, trace.splitlines()), ""])]
    # Without the file, such as behind a prompt, a frame has no code, and the next one follows.
    return [(frame[1], int(frame[2]), frame[3], "" if FRAME.match(code) else code[:80]) for frame, code in found if frame]


def _is_first_of_neuron(node: fx.Node, inner: dict[str, nn.Module]) -> bool:
    """Tell whether a node takes the spikes of the spikes and states that a neuron returns."""
    if node.target is not operator.getitem or not isinstance(source := node.args[0], fx.Node) or node.args[1] != 0:
        return False
    return source.op == "call_module" and is_neuron(inner[str(source.target)])


def _operation(node: fx.Node, inner: dict[str, nn.Module]) -> tuple[str, nn.Module | None]:
    """Return the name of a module and the module, None for a sum. Raises ConfigError for anything else."""
    if node.op == "call_module":
        return str(node.target), inner[str(node.target)]
    if node.op in ("call_function", "call_method"):
        if node.target in ADD:
            return node.name, None
        if node.target in FLATTEN and (*node.args[1:], *node.kwargs.values()) in ((1,), (1, -1)):
            return node.name, nn.Flatten()
        for problem, (remedy, targets) in REFUSED.items():
            if node.target in targets:
                raise ConfigError(f"{problem}; {remedy}")
    raise ConfigError(f"{node.name!r} is no module; taken are {TAKEN}")


def _readers(node: fx.Node, nodes: list[fx.Node], inner: dict[str, nn.Module]) -> list[fx.Node]:
    """Return the nodes that take what a node gives, of neurons that return states the spikes."""
    found = list[fx.Node]()
    for user in (user for user in node.users if user in nodes):
        found += _readers(user, nodes, inner) if _is_first_of_neuron(user, inner) else [user]
    return found


def _check_in_place(node: fx.Node, nodes: list[fx.Node], inner: dict[str, nn.Module]) -> None:
    """Raise ConfigError for a sum written over spikes that a later step takes, which gets the sum in PyTorch."""
    if node.target is not operator.iadd:
        return
    changed, behind = _tensor(node.all_input_nodes[0], inner), nodes[nodes.index(node) + 1 :]
    if any(_tensor(taken, inner) is changed for later in behind for taken in later.all_input_nodes):
        raise ConfigError("it adds in place, and a later step takes what it changes; write a = a + b, or take the sum there")


def _tensor(node: fx.Node, inner: dict[str, nn.Module]) -> fx.Node:
    """Return the node that made the tensor which a node gives: some operations give what they were given, or a view of it."""
    passes = node.op == "call_module" and isinstance(inner[str(node.target)], (nn.Identity, nn.Flatten, *DROPOUTS))
    if passes or node.target in FLATTEN or _is_first_of_neuron(node, inner):
        return _tensor(node.all_input_nodes[0], inner)
    return node


def _taken(node: fx.Node, same: dict[fx.Node, str], module: nn.Module | None) -> tuple[str, ...]:
    """Return the names of what a step takes. Raises ConfigError for numbers or states among it."""
    taken = [each for each in (*node.args, *node.kwargs.values()) if isinstance(each, fx.Node)]
    others = [each for each in (*node.args, *node.kwargs.values()) if not isinstance(each, fx.Node)]
    if module is None and (len(taken) != 2 or others):
        raise ConfigError("it adds a number; put that into the bias of the weights in front")
    if module is not None and len(taken) != 1:
        raise ConfigError("it takes more than one value; give one time step, without states")
    return tuple(same[each] for each in taken)
