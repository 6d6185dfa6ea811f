"""One study in several environments, and what differs between them: ``make test-environments``."""
