"""What a tenant must not reach, whatever its project, its application or its account has become."""
