"""What people touch: the hub's API and pages, and the command line.

It reads SQL and writes intents; it holds no cluster credentials and never talks to a cluster on behalf of the hub.
"""
