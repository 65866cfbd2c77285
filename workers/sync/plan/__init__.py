"""What each object is to be and what is done about it: normalised, compared, decided; nothing is written."""
