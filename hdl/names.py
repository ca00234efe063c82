"""Names in generated Verilog: plain identifiers of Verilog, SystemVerilog and VHDL, nothing escaped."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

__all__ = ["KEYWORDS", "check_module_name", "is_module_name", "module_name", "plain_names", "port_name"]

_VERILOG = """
accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin bind bins
binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const
constraint context continue cover covergroup coverpoint cross deassign default defparam design disable dist do edge
else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface endmodule
endpackage endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event eventually expect
export extends extern final first_match for force foreach forever fork forkjoin function generate genvar global
highz0 highz1 if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input
inside instance int integer interconnect interface intersect join join_any join_none large let liblist library local
localparam logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos nor
noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive priority program
property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase
randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 rtranif1
s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled signed small
soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1 sync_accept_on
sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand
trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var vectored virtual void
wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor
"""
_VHDL = """
abs access after alias all and architecture array assert assume assume_guarantee attribute begin block body buffer bus
case component configuration constant context cover default disconnect downto else elsif end entity exit fairness file
for force function generate generic group guarded if impure in inertial inout is label library linkage literal loop map
mod nand new next nor not null of on open or others out package parameter port postponed procedure process property
protected pure range record register reject release rem report restrict restrict_guarantee return rol ror select
sequence severity shared signal sla sll sra srl strong subtype then to transport type unaffected units until use
variable view vmode vprop vunit wait when while with xnor xor
"""
_WORDS = frozenset(_VERILOG.split())
KEYWORDS = _WORDS | frozenset(_VHDL.split())
"""Words that name neither a module nor a port: those of IEEE 1364-2005, IEEE 1800-2017 and IEEE 1076-2019.

A module of the generated Verilog can so be used from Verilog, SystemVerilog and VHDL.
"""

_PLAIN = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*", re.ASCII)
_YOSYS = """
always assign begin case casez default else end endcase endfunction endmodule for function if initial inout input
integer localparam module negedge or output parameter posedge reg signed wire
"""
_SYNTAX = frozenset(_YOSYS.split())
"""Words of Verilog that Yosys writes as such."""
_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/|\d*'[sS]?[bodhBODH][0-9a-fA-FxXzZ?_]+|\$\w+)"""
    r"""|\\(?P<escaped>\S+)[ ]?"""
    r"""|(?P<word>[A-Za-z_][\w$]*)""",
    re.DOTALL | re.ASCII,
)


def is_module_name(name: str) -> bool:
    """Whether a name can be that of a module in Verilog, SystemVerilog and VHDL.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    bool
        True for letters, digits and single underscores, first a letter, last no underscore, unless it is a keyword.
    """
    return _PLAIN.fullmatch(name) is not None and name.lower() not in KEYWORDS


def check_module_name(name: str, what: str = "name") -> None:
    """Refuse a name that a module cannot have.

    Parameters
    ----------
    name : str
        The name.
    what : str
        What the name is called in the message.

    Raises
    ------
    ValueError
        If `is_module_name` does not accept it.
    """
    if not is_module_name(name):
        raise ValueError(
            f"{what} must be letters, digits and single underscores, first a letter, last no underscore, and no keyword"
            f" of Verilog or VHDL, not {name!r}"
        )


def module_name(text: str) -> str:
    """Make the name of a module from any text, such as the name of a file.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    str
        A name that `is_module_name` accepts; the text itself if it is one.
    """
    plain = _joined(text)
    if not plain:
        return "circuit"
    return plain if is_module_name(plain) else f"design_{plain}"


def port_name(path: Iterable[str | int]) -> str:
    """The name that a port of a component has in Verilog: the parts of its path, joined by single underscores.

    VHDL allows neither double underscores nor one at an end. A keyword has ``_port`` added.

    Parameters
    ----------
    path : iterable of str or int
        Names of the member and of its members, such as ``("i", "valid")``, as from ``wiring.Signature.flatten``.

    Returns
    -------
    str
        Such as ``i_valid``.
    """
    return _named("_".join(str(part) for part in path), "port", KEYWORDS)


def plain_names(text: str, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """Rename everything in a Verilog text from Yosys whose name is escaped, a keyword, or has double underscores.

    A name gets the same new name in the whole text, and different names get different ones. The parts of the name of a
    module inside are joined by double underscores: ``top.lane_0`` becomes ``top__lane_0``. Since the name of a top
    module has none, modules of different top modules have different names.

    Parameters
    ----------
    text : str
        Verilog, as ``write_verilog`` writes it.
    names : mapping of str to str
        Names that are chosen already: old and new one.

    Returns
    -------
    str
        The same circuit with plain names.
    """
    modules = {name.removeprefix("\\") for name in re.findall(r"^module (\S+?)(?:\(| )", text, re.MULTILINE)}
    found = dict.fromkeys(
        name for match in _TOKEN.finditer(text) if (name := match["escaped"] or match["word"]) and _is_name(match)
    )
    new = {name: name for name in found if name not in modules and _stays(name)}
    new |= {name: names[name] for name in found if name in names}
    used = set(new.values())
    for name in found:
        if name not in new:
            first = wanted = _in_file(name) if name in modules else _named(name, "signal", _WORDS)
            number = 2
            while wanted in used:
                wanted, number = f"{first}_{number}", number + 1
            new[name] = wanted
            used.add(wanted)

    def renamed(match: re.Match[str]) -> str:
        name = match["escaped"] or match["word"]
        return new[name] if name and _is_name(match) else match[0]

    return _TOKEN.sub(renamed, text)


def _is_name(match: re.Match[str]) -> bool:
    """Whether a token is a name and not a word of the language."""
    return match["escaped"] is not None or (match["word"] is not None and match["word"] not in _SYNTAX)


def _stays(name: str) -> bool:
    """Whether a name needs no other one: plain, or one of those that Yosys numbers."""
    return (_PLAIN.fullmatch(name) is not None and name not in _WORDS) or re.fullmatch(r"_\d+_[bs]?", name) is not None


def _in_file(name: str) -> str:
    """The new name of a module."""
    return "__".join(_joined(part) for part in name.split("."))


def _joined(text: str) -> str:
    """Letters, digits and single underscores between them."""
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")


def _named(text: str, kind: str, words: Collection[str]) -> str:
    """A plain name; one of some words, and what does not begin with a letter, has its kind added."""
    plain = _joined(text)
    if not plain[:1].isalpha():
        return f"{kind}_{plain}".rstrip("_")
    return f"{plain}_{kind}" if plain.lower() in words else plain
