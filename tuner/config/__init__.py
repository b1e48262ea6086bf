"""What a run is told: the schema of a config, and how a file becomes one."""
