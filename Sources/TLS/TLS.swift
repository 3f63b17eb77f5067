// TLS: see Architecture.md.
