"""What commands look at without changing it: manifests as they would be applied, and objects as they live.

Runs on the machine of the person who asks: offline from a folder, or on the hub's machine with the hub's settings.
"""
