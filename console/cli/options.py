"""How commands that hand all their options on to another process are declared."""

ANY_OPTIONS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
