"""The broker: how messages are made, signed, sent and refused."""
