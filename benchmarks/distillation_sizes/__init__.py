"""What students of several sizes keep of a teacher, and how fast they are."""
