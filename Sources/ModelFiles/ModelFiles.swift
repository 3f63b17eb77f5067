// ModelFiles: see Architecture.md.
