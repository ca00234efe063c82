"""The command line: ``neuristor``, or ``python -m neuristor``."""

from neuristor.home import use_writable_home

__all__ = ["main"]


def main() -> None:
    """Run the command line, with a home folder that can be written."""
    use_writable_home()  # before matplotlib is imported
    from neuristor.commands.cli import main as run

    run()


if __name__ == "__main__":
    main()
