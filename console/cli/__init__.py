"""The command line. Hub commands speak to the API through one client, so that there is one way and one actor."""
