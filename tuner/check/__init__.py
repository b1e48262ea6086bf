"""What `check` tells before anything trains: the plan, what it takes, what is found in table and config, a picture."""
