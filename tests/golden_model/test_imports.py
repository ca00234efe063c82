from __future__ import annotations

import subprocess
import sys


def test_golden_model_does_not_import_amaranth() -> None:
    code = (
        "import sys, pkgutil, importlib, neuristor.golden_model\n"
        "for module in pkgutil.walk_packages(neuristor.golden_model.__path__, 'neuristor.golden_model.'):\n"
        "    importlib.import_module(module.name)\n"
        "beyond = ('amaranth', 'neuristor.hdl', 'neuristor.sim', 'neuristor.boards')\n"
        "found = [name for name in sys.modules if name.startswith(beyond)]\n"
        "assert not found, found\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
