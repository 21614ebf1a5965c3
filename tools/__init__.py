"""Tools that set up and run the console on a fresh machine, mostly for `make`."""
