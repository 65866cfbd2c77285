"""What a change of the registry would do to objects, by rendering both sides or asking clusters. Writes nothing."""
