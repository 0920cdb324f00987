"""What work costs: counted work, prices measured on this machine, and the estimate."""
