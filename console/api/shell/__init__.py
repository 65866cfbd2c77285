"""The console's pages as they are sent, and what is shown without scripts."""
