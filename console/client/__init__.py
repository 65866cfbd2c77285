"""The client of the hub's API: the one way in which commands ask a hub, this machine's or another's.

It finds the hub (``address``) and carries requests there (``transports``). It knows the API by what it says over HTTP
alone, and prints nothing.
"""
