// ApusClient: see Architecture.md.
