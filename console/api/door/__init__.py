"""Who asks and what they may: the door that every request goes through, and the right that each route declares."""
