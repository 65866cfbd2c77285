"""``python -m workers``: take messages and carry them out, until SIGTERM."""

from workers.tasks.main import main

if __name__ == "__main__":
    main()
