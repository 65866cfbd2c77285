"""Objects as the engine reads them, and what their fields, marks and order mean. Pure."""
