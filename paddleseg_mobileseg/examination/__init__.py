"""What `mobileseg doctor` looks at, one kind of thing a module; nothing here loads Paddle."""
