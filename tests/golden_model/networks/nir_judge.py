"""A judge of NIR graphs: the values of every node, tick by tick, by NIR's equations. No code of neuristor.

Graphs must be without cycles; graphs in graphs are evaluated where they stand. Spikes reset the membrane to v_reset.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["spikes_of_graph"]


def spikes_of_graph(graph: Any, inputs: Any, dt: float) -> Any:
    """The output of a graph, shape (ticks, outputs), for inputs of shape (ticks, inputs)."""
    values = [row.reshape(next(iter(graph.inputs.values())).input_type["input"]) for row in inputs]
    return np.array([np.ravel(row) for row in _graph(graph, values, dt)])


def _graph(graph: Any, values: list[Any], dt: float) -> list[Any]:
    """All ticks of a graph: node after node, as there are no cycles."""
    before = {name: [a for a, b in graph.edges if b == name] for name in graph.nodes}
    done: dict[str, list[Any]] = {}

    def output(name: str) -> list[Any]:
        if name not in done:
            node, kind = graph.nodes[name], type(graph.nodes[name]).__name__
            if kind == "Input":
                given = values
            else:
                sources = [output(each) for each in before[name]]
                given = [sum(rows[1:], start=rows[0]) for rows in zip(*sources, strict=True)]
            done[name] = _node(node, kind, given, dt)
        return done[name]

    (last,) = [name for name, node in graph.nodes.items() if type(node).__name__ == "Output"]
    return output(last)


def _node(node: Any, kind: str, given: list[Any], dt: float) -> list[Any]:
    if kind == "NIRGraph":
        return _graph(node, given, dt)
    if kind in ("Input", "Output"):
        return given
    if kind == "Delay":
        ticks = np.broadcast_to(np.round(np.asarray(node.delay) / dt).astype(int), given[0].shape)
        zero = np.zeros(given[0].shape)
        return [sum(np.where(ticks == d, given[t - d] if t >= d else zero, 0.0) for d in set(ticks.ravel().tolist()))
                for t in range(len(given))]  # fmt: skip
    if kind in ("LIF", "IF"):
        return _spikes(node, kind, given, dt)
    return [_linear(node, kind, np.asarray(x, dtype=float)) for x in given]


def _spikes(node: Any, kind: str, given: list[Any], dt: float) -> list[Any]:
    v, made = np.zeros(node.r.shape), []
    for x in given:
        x = np.asarray(x).reshape(v.shape)
        v = v + dt * node.r * x if kind == "IF" else v + dt / node.tau * (node.v_leak - v + node.r * x)
        z = v > node.v_threshold
        v = np.where(z, node.v_reset, v)
        made.append(z.astype(float))
    return made


def _linear(node: Any, kind: str, x: Any) -> Any:
    if kind in ("Linear", "Affine"):
        return node.weight @ x + getattr(node, "bias", 0.0)
    if kind == "Scale":
        return node.scale * x
    if kind == "Flatten":
        return x.ravel()
    if kind == "Conv1d":
        padding = node.padding if isinstance(node.padding, str) else (0, int(np.ravel(node.padding)[0]))
        stride = (1, int(np.ravel(node.stride)[0]))
        made = _convolved(x[:, None, :], node.weight[:, :, None, :], node.bias, stride, padding, int(node.groups))
        return made[:, 0, :]
    if kind == "Conv2d":
        stride = tuple(np.broadcast_to(node.stride, 2))
        padding = node.padding if isinstance(node.padding, str) else tuple(np.broadcast_to(node.padding, 2))
        return _convolved(x, node.weight, node.bias, stride, padding, int(node.groups))
    size, stride, (down, across) = (np.broadcast_to(n, 2) for n in (node.kernel_size, node.stride, node.padding))
    padded = np.pad(x, ((0, 0), (down, down), (across, across)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, tuple(size), axis=(1, 2))
    summed = windows[:, :: stride[0], :: stride[1]].sum(axis=(3, 4))
    return summed / np.prod(size) if kind == "AvgPool2d" else summed


def _convolved(x: Any, kernel: Any, bias: Any, stride: Any, padding: Any, groups: int) -> Any:
    if isinstance(padding, str):
        padding = (kernel.shape[2] // 2, kernel.shape[3] // 2) if padding == "same" else (0, 0)
    padded = np.pad(x, ((0, 0), (padding[0],) * 2, (padding[1],) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2:], axis=(1, 2))
    windows = windows[:, :: stride[0], :: stride[1]]
    parts = [
        np.einsum("cyxhw,ochw->oyx", some, own)
        for some, own in zip(np.split(windows, groups), np.split(kernel, groups), strict=True)
    ]
    return np.concatenate(parts) + np.asarray(bias)[:, None, None]
