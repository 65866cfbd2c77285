"""How the store is reached: engines, transactions, the clock, dialects, upgrades, roles, and what errors mean."""
