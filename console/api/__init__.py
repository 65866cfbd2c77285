"""The hub's REST API and its pages: reads SQL, writes intents, holds no cluster credentials."""
