"""What every route keeps: errors in one form, parameters that are known, and the description of it all."""
