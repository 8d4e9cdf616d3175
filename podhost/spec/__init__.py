"""What people write: stack files, host files, and the types of their values."""
