// ApusServer: see Architecture.md.
