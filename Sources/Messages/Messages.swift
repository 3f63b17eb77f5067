// Messages: see Architecture.md.
