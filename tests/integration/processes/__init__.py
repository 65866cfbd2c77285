"""The processes of a hub on one machine, started as people start them."""
