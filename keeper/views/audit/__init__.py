"""What must hold of a state log, checked from its journal alone and without the code that wrote it."""
