"""The tables, what guards them, and how they came to be: tables, triggers, policies of pools, migrations."""
