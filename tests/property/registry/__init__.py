"""What must hold for every registry, however mangled."""
