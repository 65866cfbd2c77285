"""Routes that ask for something: intents, and looks at clusters."""
