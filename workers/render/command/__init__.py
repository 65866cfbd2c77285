"""Renderers of the operator's own: a command that the worker's settings name, run on the application's folder.

The registry names one of them and gives values; which program that is, with which arguments and bounds, is said by a
file on the worker alone. ADR 39 says why.
"""
