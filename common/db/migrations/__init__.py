"""The one history of the schema, shipped in the wheel; the only module outside it that runs it is ``schema``."""
