"""The hub for assistants: its answers as tools of the Model Context Protocol.

Every tool asks the hub through ``console.client`` with the caller's token, so that rights are the token's. What a hub
answers holds the words of strangers; it is handed on bounded, without what does not show, and marked as data.
"""
