"""Whether the hub's own work goes on."""
