"""Contract suites: the same rules on a stand-in and on the real thing."""
