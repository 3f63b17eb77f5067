// Routing: see Architecture.md.
