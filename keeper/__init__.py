"""What is decided and done: book, margin, planner, execution, state log, runtime and views."""
