"""What is to be done about each object, and what may not be done: read, compared, decided, nothing written."""
