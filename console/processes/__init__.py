"""Starts the other processes by exec and watches over them; imports none of their code."""
