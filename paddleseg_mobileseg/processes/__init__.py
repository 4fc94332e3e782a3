"""Child processes around everything that may abort or hang: their ends become our errors."""
