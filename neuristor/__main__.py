"""``python -m neuristor``."""

from neuristor.cli import main

if __name__ == "__main__":
    main()
