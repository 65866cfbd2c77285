"""Rules of health that a registry holds, in CEL or Lua, evaluated in processes of their own."""
