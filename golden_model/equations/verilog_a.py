"""A compact model in Verilog-A, as parameters and lines of equations.

OpenVAF compiles a module to straight-line code and a system of equations, in a process of its own. A module has two
terminals, and becomes ``device_current`` and ``device_capacitance`` at the voltage between them. An internal node with
``ddt()`` is a state with the name of the node. Everything in it is a number without unit: a voltage in volt, a current
in ampere, a time in second.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuristor.golden_model.equations.expressions import EquationError

__all__ = ["VerilogA", "verilog_a"]

PATIENCE = 60
"""Longest time for a compilation, in seconds."""
MOST_TEXT = 256 * 1024
"""Largest file, in bytes."""
SCRIPT = """
import json, sys
import openvaf_py
modules = {each.name: each for each in openvaf_py.compile_va(sys.argv[1])}
name = sys.argv[2] or next(iter(modules))
if name not in modules:
    sys.exit(f"error: there is no module {name!r}; there are {', '.join(modules)}")
found = modules[name]
print(json.dumps({
    "name": name, "parameters": found.get_param_defaults(), "names": found.param_names, "kinds": found.param_kinds,
    "init_names": found.init_param_names, "init_kinds": found.init_param_kinds, "system": found.get_dae_system(),
    "code": found.get_mir_instructions(), "init": found.get_init_mir_instructions(),
}))
"""
BINARY = {"fadd": "+", "fsub": "-", "fmul": "*", "fdiv": "/", "iadd": "+", "isub": "-", "imul": "*"}
COMPARED = {"fgt": ">", "flt": "<", "fge": ">=", "fle": "<=", "igt": ">", "ilt": "<", "ige": ">=", "ile": "<="} | {
    "feq": "==",
    "ieq": "==",
    "fne": "!=",
    "ine": "!=",
}
FUNCTIONS = frozenset(
    ("exp", "ln", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "atanh")
)
SAME = frozenset(("optbarrier", "ifcast"))


@dataclass(frozen=True)
class VerilogA:
    """What a module gives to a model.

    Parameters
    ----------
    name : str
        Of the module.
    parameters : dict of str to float
        Its parameters, with their defaults.
    states : tuple of str
        Its internal nodes.
    lines : tuple of str
        Equations: the derivative of each state, `device_current`, `device_capacitance`, and their parts.
    """

    name: str
    parameters: dict[str, float]
    states: tuple[str, ...]
    lines: tuple[str, ...]


def verilog_a(path: Path, module: str = "", voltage: str = "v") -> VerilogA:
    """Read a module.

    Parameters
    ----------
    path : Path
        The file.
    module : str
        Name of the module; the first one by default.
    voltage : str
        Name of the state that is the voltage between the terminals, in volt.

    Returns
    -------
    VerilogA
        Its equations.

    Raises
    ------
    EquationError
        If it cannot be read or compiled, or has what equations do not have.
    """
    return _Module(path, _compiled(path, module), voltage).equations()


def _compiled(path: Path, module: str) -> dict[str, Any]:
    """A module as OpenVAF gives it.

    Raises
    ------
    EquationError
        If it cannot be compiled; with the line.
    """
    if not path.is_file():
        raise EquationError(f"{path}: cannot be read: there is no such file")
    if path.stat().st_size > MOST_TEXT:
        raise EquationError(f"{path}: must be at most {MOST_TEXT // 1024} KiB")
    command = [sys.executable, "-c", SCRIPT, str(path), module]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise EquationError(f"{path}: the compilation was stopped after {PATIENCE} s") from None
    if done.returncode:
        said = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr)
        if "No module named 'openvaf_py'" in said:
            raise EquationError(f"{path}: Verilog-A needs openvaf-py: pip install 'neuristor[verilog-a]'")
        error = re.search(r"^error: (.*)$", said, re.MULTILINE)
        line = re.search(r"-->\s*\S*?:(\d+):\d+", said)
        place = f"line {line[1]}: " if line else ""
        raise EquationError(f"{path}: {place}{error[1] if error else 'cannot be compiled'}")
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return made


class _Code:
    """Straight-line code with branches: the text of each value."""

    def __init__(self, path: Path, code: Mapping[str, Any], known: dict[str, str], prefix: str) -> None:
        self.path, self.code, self.prefix = path, code, prefix
        self.texts = {**known}
        for kind in ("constants", "int_constants"):
            self.texts |= {name: _number(value) for name, value in code.get(kind, {}).items()}
        self.made = {each["result"]: each for each in code["instructions"] if "result" in each}
        self.ends = {each["block"]: each for each in code["instructions"] if each["opcode"] in ("br", "jmp")}
        self.conditions: dict[str, str] = {"v1": "1 < 0", "v2": "0 < 1"}
        self.lines: list[str] = []

    def text(self, name: str) -> str:
        """The text of a value; what it needs is defined before.

        Parameters
        ----------
        name : str
            The value.

        Raises
        ------
        EquationError
            If it is one that equations do not have.
        """
        waiting = [name]
        while waiting:
            top = waiting[-1]
            if top in self.texts or top in self.conditions:
                waiting.pop()
                continue
            if top not in self.made:
                raise EquationError(f"{self.path}: {top} has a value that equations do not have")
            lacking = [each for each in self._needs(self.made[top]) if each not in self.texts | self.conditions]
            if lacking:
                waiting += lacking
            else:
                self._define(top, self.made[top])
                waiting.pop()
        return self.texts.get(name, "")

    def _needs(self, instruction: Mapping[str, Any]) -> list[str]:
        if instruction["opcode"] != "phi":
            return list(instruction["operands"])
        blocks = {each["block"] for each in instruction["phi_operands"]}
        waiting = [*blocks]
        while waiting:
            for each in self.code["blocks"][waiting.pop()]["predecessors"]:
                if each not in blocks:
                    blocks.add(each)
                    waiting.append(each)
        tests = [self.ends[each]["condition"] for each in sorted(blocks) if self._branches(each)]
        return [*(each["value"] for each in instruction["phi_operands"]), *tests]

    def _branches(self, block: str) -> bool:
        return block in self.ends and self.ends[block]["opcode"] == "br"

    def _define(self, name: str, instruction: Mapping[str, Any]) -> None:
        """Define a value.

        Raises
        ------
        EquationError
            If it is an operation that equations do not have.
        """
        code = instruction["opcode"]
        args = [self.texts.get(each, "") for each in instruction.get("operands", ())]
        if code in COMPARED:
            self.conditions[name] = f"{args[0]} {COMPARED[code]} {args[1]}"
            return
        if code in SAME:
            self.texts[name] = args[0]
            return
        if code in BINARY:
            formula = f"{args[0]} {BINARY[code]} {args[1]}"
        elif code in ("fneg", "ineg"):
            formula = f"-{args[0]}"
        elif code in FUNCTIONS:
            formula = f"{code}({args[0]})"
        elif code == "log":
            formula = f"log10({args[0]})"
        elif code == "pow":
            formula = f"({args[0]})**({args[1]})"
        elif code == "phi":
            formula = self._chosen(instruction["phi_operands"])
        else:
            what = self.code.get("function_decls", {}).get(instruction.get("func_ref", ""), {}).get("name", code)
            raise EquationError(f"{self.path}: {str(what)[:40]!r} is no operation of equations")
        self.texts[name] = f"{self.prefix}{name[1:]}"
        self.lines.append(f"{self.texts[name]} = {formula}")

    def _chosen(self, operands: list[dict[str, str]]) -> str:
        *others, last = operands
        text = self.texts[last["value"]]
        place = next(block for block, each in self.code["blocks"].items() if self._joins(block, operands))
        for each in reversed(others):
            text = f"({self.texts[each['value']]} if {self._edge(each['block'], place)} else {text})"
        return text

    def _joins(self, block: str, operands: list[dict[str, str]]) -> bool:
        return set(self.code["blocks"][block]["predecessors"]) == {each["block"] for each in operands}

    def _edge(self, start: str, end: str) -> str:
        """When the code goes from one block to the next."""
        conditions = [self._reached(start)] if self._reached(start) else []
        if self._branches(start):
            branch = self.ends[start]
            test = self.conditions[branch["condition"]]
            conditions.append(f"({test})" if branch["true_block"] == end else f"(not ({test}))")
        return " and ".join(conditions) or "0 < 1"

    def _reached(self, block: str) -> str:
        """When the code comes to a block; empty for always."""
        before = self.code["blocks"][block]["predecessors"]
        if not before:
            return ""
        # All ways from some block before it may lead here: what is decided between does not count.
        for other in self.code["blocks"]:
            if other != block and self._leads(other, block) and not self._around(other, block):
                return self._reached(other)
        edges = [self._edge(each, block) for each in before]
        return f"({' or '.join(edges)})"

    def _leads(self, start: str, end: str) -> bool:
        """Whether all ways from one block lead to another."""
        after = self.code["blocks"][start]["successors"]
        return bool(after) and all(each == end or self._leads(each, end) for each in after)

    def _around(self, block: str, end: str) -> bool:
        """Whether there is a way from the beginning to the end that leaves a block out."""
        before = self.code["blocks"][end]["predecessors"]
        return not before or any(each != block and self._around(block, each) for each in before)


class _Module:
    def __init__(self, path: Path, found: dict[str, Any], voltage: str) -> None:
        self.path, self.found, self.voltage = path, found, voltage
        system = found["system"]
        if len(system["terminals"]) != 2:
            raise EquationError(f"{path}: {found['name']} must have two terminals, not {len(system['terminals'])}")
        self.states = tuple(system["internal_nodes"])
        for node in system["nodes"]:
            if node["kind"] != "KirchoffLaw":
                raise EquationError(
                    f"{path}: {node['name']!r} must be a node: equations have no {node['kind']}, as of a contributed "
                    "voltage or an integral"
                )

    def _given(self, names: list[str], kinds: list[str], values: list[str]) -> Iterator[tuple[str, str]]:
        """The text of each argument of the code."""
        for name, kind, value in zip(names, kinds, values, strict=False):
            if kind == "param":
                yield value, name
            elif kind == "voltage":
                yield value, self._volts(name)
            elif kind == "temperature":
                yield value, "ambient_temperature"
            elif kind == "sysfun" and name == "mfactor":
                yield value, "1"
            # Others are no values of equations; an error if one is needed.

    def _volts(self, name: str) -> str:
        nodes = re.findall(r"\w+", name)[1:]
        plus, minus = (self._node(each) for each in (*nodes, "0")[:2])
        return plus if minus == "0" else f"({plus} - {minus})"

    def _node(self, name: str) -> str:
        first, second = self.found["system"]["terminals"]
        return {first: f"({self.voltage}/V)", second: "0", "0": "0"}.get(name, name)

    def equations(self) -> VerilogA:
        """The equations of the module.

        Raises
        ------
        EquationError
            If an internal node is no state.
        """
        found = self.found
        init = _Code(
            self.path,
            found["init"],
            dict(self._given(found["init_names"], found["init_kinds"], found["init"]["params"])),
            "va_c",
        )
        arguments = found["code"]["params"]
        known = dict(self._given(found["names"], found["kinds"], arguments))
        known |= {
            arguments[each["eval_param"]]: init.text(each["init_value"]) for each in found["init"]["cache_mapping"]
        }
        code = _Code(self.path, found["code"], known, "va_")
        resist = {each["node_name"]: code.text(_value(each["resist_var"])) for each in found["system"]["residuals"]}
        charge = self._charges(code)
        lines = []
        for name in self.states:
            if name not in charge:
                raise EquationError(f"{self.path}: the node {name!r} must have a ddt() of its voltage, to be a state")
            lines.append(f"d{name}/dt = -({resist[name]})/({charge[name]})/s")
        terminal = found["system"]["terminals"][0]
        lines.append(f"device_current = ({resist[terminal]})*A")
        lines.append(f"device_capacitance = ({charge.get(terminal, '0')})*F")
        parameters = {name: float(value) for name, value in found["parameters"].items()}
        if any("ambient_temperature" in line for line in (*init.lines, *code.lines, *lines)):
            parameters["ambient_temperature"] = 300.0
        return VerilogA(found["name"], parameters, self.states, (*init.lines, *code.lines, *lines))

    def _charges(self, code: _Code) -> dict[str, str]:
        """The derivative of the charge of each node by its own voltage.

        Raises
        ------
        EquationError
            If a charge depends on the voltage of another node.
        """
        second = self.found["system"]["terminals"][1]
        made = {}
        for each in self.found["system"]["jacobian"]:
            row, column = each["row_node_name"], each["col_node_name"]
            if not each["has_react"] or second in (row, column):
                continue
            if row != column:
                raise EquationError(f"{self.path}: the charge of {row!r} must not depend on the voltage of {column!r}")
            made[row] = code.text(_value(each["react_var"]))
        return made


def _value(name: str) -> str:
    return f"v{name.removeprefix('mir_')}"


def _number(value: float) -> str:
    return repr(value) if value >= 0 else f"({value!r})"
