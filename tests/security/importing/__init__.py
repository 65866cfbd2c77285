"""What hostile files of other tools can do to the importer: nothing."""
