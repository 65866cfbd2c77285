"""CEL, the expressions of applications about the health of their objects, in processes of their own."""
