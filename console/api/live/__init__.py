"""Events as they come, for everybody who looks on."""
