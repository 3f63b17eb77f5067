// Scheduling: see Architecture.md.
