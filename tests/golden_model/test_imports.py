from __future__ import annotations

import subprocess
import sys


def test_golden_model_does_not_import_amaranth() -> None:
    code = (
        "import sys, pkgutil, importlib, golden_model\n"
        "for module in pkgutil.walk_packages(golden_model.__path__, 'golden_model.'):\n"
        "    importlib.import_module(module.name)\n"
        "assert not [name for name in sys.modules if name.split('.')[0] in ('amaranth', 'hdl', 'sim', 'boards')]\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
