"""``python -m scheduler``: lead, or stand by, until SIGTERM."""

from scheduler.loop.main import main

if __name__ == "__main__":
    main()
