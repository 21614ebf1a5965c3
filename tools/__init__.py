"""What `make` needs to set up and run the console on a machine that has nothing."""
