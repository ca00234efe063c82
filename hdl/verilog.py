"""Deterministic Verilog: the same circuit gives the same bytes, with a header that describes the ports.

Amaranth converts a circuit to RTLIL, and ``neuristor.hdl.conversion`` converts that to Verilog. What comes out means
the same to every tool, under every setting of its language:

- Verilog-2005 without escaped names, and without a keyword of SystemVerilog as a name;
- combinational logic is ``assign`` only. Outputs of an ``always @*`` can stay X in Icarus 11 with ``-g2009`` and
  ``-g2012`` (issues 594 and 1629 of Amaranth);
- ports have names that VHDL accepts too, see ``neuristor.hdl.names``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from amaranth.back import rtlil  # type: ignore[attr-defined]  # amaranth-stubs have no rtlil
from amaranth.hdl import Shape, Value
from amaranth.lib import data, wiring

from neuristor.hdl.conversion import verilog_of
from neuristor.hdl.names import check_module_name, port_name

__all__ = ["Wrapper", "export", "fields", "port_table", "ports", "template", "to_rtlil"]

_LINT = {
    "DECLFILENAME": "one file has all modules of the circuit",
    "UNUSED": "fields of words have names, for waveforms; some bits of a sum or product are not needed",
    "WIDTH": "operands are extended to the width of their result, or cut to it, as Verilog defines it: with explicit"
    " extensions, synthesis would see larger multipliers",
}
"""What is not a fault in generated Verilog, although a linter may say so: a warning of Verilator, and why.

The names are those of groups of warnings, which all versions of Verilator know.
"""


class Wrapper(NamedTuple):
    """A module around the exported one, written by hand: other port names, or another reset."""

    name: str
    """Name of the module."""
    ports: Sequence[tuple[str, str, Any]]
    """Its ports, as from `ports`."""
    text: str
    """Verilog of this module alone."""


def fields(shape: Any, offset: int = 0, path: str = "") -> Iterator[tuple[str, int, int, bool]]:
    """The fields of a port's layout, lowest bits first.

    Parameters
    ----------
    shape : ShapeLike
        The shape of the port, structured or not.
    offset : int
        Lowest bit of `shape` within the port.
    path : str
        Name of `shape` within the port; empty for the whole port.

    Yields
    ------
    path : str
        Name of the field, such as ``state[3].membrane``.
    offset : int
        Its lowest bit.
    width : int
        Its number of bits.
    signed : bool
        Whether it is a signed number.
    """
    if isinstance(shape, data.Layout):
        for key, field in shape:
            name = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}" if path else str(key)
            yield from fields(field.shape, offset + field.offset, name)
    else:
        plain = Shape.cast(shape)
        yield path, offset, plain.width, plain.signed


def ports(component: wiring.Component) -> list[tuple[str, str, Any]]:
    """The ports of a component as Verilog has them, clock and reset first.

    Parameters
    ----------
    component : wiring.Component
        It is not elaborated.

    Returns
    -------
    list of (str, str, ShapeLike)
        Name, ``"input"`` or ``"output"``, and shape of each port. Verilog has no ports without bits.

    Raises
    ------
    ValueError
        If two ports have the same name; upper and lower case are the same in VHDL.
    """
    found: list[tuple[str, str, Any]] = [("clk", "input", 1), ("rst", "input", 1)]
    found += [(name, flow, value.shape()) for _, name, flow, value in _signals(component)]
    names = [name.lower() for name, _, _ in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"ports must have different names in Verilog, not twice {', '.join(twice)}")
    return found


def _signals(component: wiring.Component) -> Iterator[tuple[tuple[str | int, ...], str, str, Any]]:
    """The ports of a component except clock and reset: path, name in Verilog, direction and value."""
    for path, member, value in component.signature.flatten(component):
        if len(Value.cast(value)):
            yield path, port_name(path), "input" if member.flow == wiring.In else "output", value


def port_table(named: Sequence[tuple[str, str, Any]]) -> list[str]:
    """A text table of the ports of a module.

    Parameters
    ----------
    named : sequence of (str, str, ShapeLike)
        The ports, as from `ports`.

    Returns
    -------
    list of str
        One line for each port; the fields of a structured port follow it, one line each.
    """
    lines = []
    for name, flow, shape in named:
        width = Shape.cast(shape).width
        lines.append(f"{flow:6} {f'[{width - 1}:0]':>9} {name}")
        if isinstance(shape, data.Layout):
            lines += [
                f"{'':6} {f'[{low + size - 1}:{low}]':>9}     {path}{' (signed)' if is_signed else ''}"
                for path, low, size, is_signed in fields(shape)
                if size
            ]
    return lines


def template(module: str, named: Sequence[tuple[str, str, Any]]) -> str:
    """Verilog text that instantiates a module: every port, with its direction and width as a comment.

    Parameters
    ----------
    module : str
        Name of the module.
    named : sequence of (str, str, ShapeLike)
        Its ports, as from `ports`; at least one.

    Returns
    -------
    str
        The instance is called ``{module}_i``.
    """
    wide = max(len(name) for name, _, _ in named)
    lines = []
    for n, (name, flow, shape) in enumerate(named):
        width, comma = Shape.cast(shape).width, "" if n == len(named) - 1 else ","
        size = f" [{width - 1}:0]" if width > 1 else ""
        lines.append(f"    .{name.ljust(wide)} ({name}){comma}".ljust(2 * wide + 10) + f"// {flow}{size}")
    return "\n".join([f"{module} {module}_i (", *lines, ");"]) + "\n"


def export(component: wiring.Component, name: str, header: Sequence[str] = (), wrapper: Wrapper | None = None) -> str:
    """Convert a component to Verilog.

    Parameters
    ----------
    component : wiring.Component
        A new instance: Amaranth elaborates an instance only once.
    name : str
        Name of the module; see ``neuristor.hdl.names.is_module_name``. The names of the modules inside begin with it
        and two underscores.
    header : sequence of str
        Lines of text for the comment at the top of the file.
    wrapper : Wrapper, optional
        A module around it, which becomes the top module of the file.

    Returns
    -------
    str
        Verilog-2005, without dates and paths.

    Raises
    ------
    ValueError
        If `name` cannot be the name of a module, a line of the header has a line break, or two ports have the same
        name.
    """
    check_module_name(name)
    if wrapper is not None:
        check_module_name(wrapper.name, "name of the wrapper")
    if any(len(line.splitlines()) > 1 for line in header):
        raise ValueError("a line of the header must be one line")
    own = ports(component)
    text = rtlil.convert(component, name=name, emit_src=False)
    names = {"__".join(map(str, path)): port for path, port, _, _ in _signals(component)}
    body = verilog_of(_with_all_inputs(text, names, own), names)
    comments = [*header, "", "Ports (one clock `clk`, synchronous reset `rst`, streams with valid and ready):"]
    if wrapper is not None:
        body += f"\n{wrapper.text}"
        comments[-1] = f"Ports of the top module {wrapper.name}:"
    comments += [f"  {line}" for line in port_table(own if wrapper is None else wrapper.ports)]
    lint = [f"/* verilator lint_off {warning} */ // {why}" for warning, why in _LINT.items()]
    return "\n".join(
        [
            *(f"// {line}".rstrip() for line in comments),
            "",
            "/* verilator lint_save */",
            *lint,
            "",
            body,
            "/* verilator lint_restore */",
            "",
        ]
    )


def _with_all_inputs(text: str, names: Mapping[str, str], own: Sequence[tuple[str, str, Any]]) -> str:
    """Add the inputs that nothing reads: Amaranth leaves them out, but the header has them, and users connect them."""
    head, top, rest = text.partition("\nmodule ")
    there = set(re.findall(r"^  wire .*\binput \d+ .*\\(\S+)$", rest.partition("\nend\n")[0], re.MULTILINE))
    widths = {name: Shape.cast(shape).width for name, flow, shape in own if flow == "input"}
    lacking = [name for name in ("clk", "rst", *names) if name not in there and names.get(name, name) in widths]
    wires = [
        f"  wire width {widths[names.get(name, name)]} input {1000 + n} \\{name}" for n, name in enumerate(lacking)
    ]
    first, _, others = rest.partition("\n")
    return "\n".join([head + top + first, *wires, others])


def to_rtlil(component: Any, name: str = "top", ports: Sequence[Any] | None = None) -> str:
    """Convert a circuit to RTLIL, the internal format of Yosys, without references to Python source lines.

    Parameters
    ----------
    component : Elaboratable
        A new instance: Amaranth elaborates an instance only once.
    name : str
        Name of the module.
    ports : sequence of Signal, optional
        The ports of a circuit that is not a component and so has no signature.

    Returns
    -------
    str
        The text of the RTLIL file.
    """
    text: str = rtlil.convert(component, name=name, ports=ports, emit_src=False)
    return text
