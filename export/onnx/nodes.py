"""An ONNX graph under construction."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import NodeProto, helper

IMAGE = "image"  # the name of a model's input
Shape = list[str | int | None]


@dataclass
class Graph:
    """Nodes and constants; the body of a loop has nodes of its own and shares the constants of the graph around it."""

    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)

    def body(self) -> "Graph":
        """Return a graph for the inside of a loop."""
        return Graph(constants=self.constants)

    def constant(self, name: str, value: Any, kind: type[np.generic] = np.int64) -> str:
        """Add a constant and return its name."""
        self.constants[name] = np.asarray(value, kind)
        return name

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node with one output and return that."""
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output


@dataclass(frozen=True)
class Part:
    """One byte of a source: a uint8 tensor, what it counts for, and the value that stands for 0."""

    tensor: str
    factor: int
    zero: int
