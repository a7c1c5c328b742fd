"""What may happen to the book, as `keeper stress` and `keeper accounts` show it."""
