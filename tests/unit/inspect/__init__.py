"""Rules of what is looked at: manifests as text, kinds and their namespaces, objects as a tree."""
