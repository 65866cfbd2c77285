"""The pages of the console: their sources, which Node turns into files that any server can give.

``src`` is TypeScript, which Python never reads. ``build`` turns it into ``dist``, which an installed package has and a
checkout makes.
"""
