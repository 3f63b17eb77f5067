// Images: see Architecture.md.
