"""The command line as a module: ``python -m neuristor``."""

from neuristor.commands.cli import main

if __name__ == "__main__":
    main()
