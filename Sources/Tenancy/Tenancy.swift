// Tenancy: see Architecture.md.
