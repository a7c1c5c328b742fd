"""What a person sees: the command line. Reads the state log and the configuration, and starts the daemons."""
