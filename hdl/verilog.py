"""Deterministic Verilog: the same circuit gives the same bytes, with a header that describes the ports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from amaranth.back import rtlil, verilog  # type: ignore[attr-defined]  # amaranth-stubs have no rtlil
from amaranth.hdl import Shape
from amaranth.lib import data, wiring

__all__ = ["KEYWORDS", "export", "fields", "port_table", "ports", "template", "to_rtlil"]

_WORDS = """
always and assert assign assume automatic begin bit buf bufif0 bufif1 byte case casex casez cell checker class
cmos config cover deassign default defparam design disable do edge else end endcase endconfig endfunction
endgenerate endmodule endprimitive endspecify endtable endtask enum event export final for force forever fork
function generate genvar global highz0 highz1 if ifnone import incdir include initial inout input inside
instance int integer interface join large let liblist library local localparam logic macromodule medium module
nand negedge new nmos nor noshowcancelled not notif0 notif1 null or output package parameter pmos posedge
primitive priority program property pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent rcmos
real realtime reg release repeat restrict rnmos rpmos rtran rtranif0 rtranif1 scalared sequence showcancelled
signed small specify specparam static string strong0 strong1 struct super supply0 supply1 table task this time
tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type union unique unique0 unsigned use uwire vectored
virtual void wait wand weak0 weak1 while wire with within wor xnor xor
"""
KEYWORDS = frozenset(_WORDS.split())
"""Words that cannot name a module: keywords of Verilog-2005 (IEEE 1364, annex B) and of SystemVerilog."""


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
        Name, ``"input"`` or ``"output"``, and shape of each port.
    """
    found: list[tuple[str, str, Any]] = [("clk", "input", 1), ("rst", "input", 1)]
    for path, member, value in component.signature.flatten(component):
        name = "__".join(str(part) for part in path)
        found.append((name, "input" if member.flow == wiring.In else "output", value.shape()))
    return found


def port_table(component: wiring.Component) -> list[str]:
    """A text table of the ports of a component.

    Parameters
    ----------
    component : wiring.Component
        It is not elaborated.

    Returns
    -------
    list of str
        One line for each port; the fields of a structured port follow it, one line each.
    """
    lines = []
    for name, flow, shape in ports(component):
        width = Shape.cast(shape).width
        lines.append(f"{flow:6} {f'[{width - 1}:0]':>9} {name}")
        if isinstance(shape, data.Layout):
            lines += [
                f"{'':6} {f'[{low + size - 1}:{low}]':>9}     {path}{' (signed)' if is_signed else ''}"
                for path, low, size, is_signed in fields(shape)
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


def export(component: wiring.Component, name: str, header: Sequence[str] = ()) -> str:
    """Convert a component to Verilog.

    Parameters
    ----------
    component : wiring.Component
        A new instance: Amaranth elaborates an instance only once.
    name : str
        Name of the module: a letter or underscore, then letters, digits and underscores.
    header : sequence of str
        Lines of text for the comment at the top of the file.

    Returns
    -------
    str
        Verilog-2005, without dates and paths.

    Raises
    ------
    ValueError
        If `name` is not a Verilog identifier, or a line of the header has a line break.
    """
    if not name.isidentifier() or not name.isascii() or name in KEYWORDS:
        raise ValueError(f"name must be a Verilog identifier, not {name!r}")
    table = port_table(component)
    text = verilog.convert(component, name=name, emit_src=False, strip_internal_attrs=True)
    body = text.split("\n", 1)[1] if text.startswith("/* Generated by") else text
    if any(len(line.splitlines()) > 1 for line in header):
        raise ValueError("a line of the header must be one line")
    comments = [*header, "", "Ports (one clock `clk`, synchronous reset `rst`, streams with valid and ready):"]
    comments += [f"  {line}" for line in table]
    return "".join(f"// {line}".rstrip() + "\n" for line in comments) + "\n" + body.lstrip("\n")


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
