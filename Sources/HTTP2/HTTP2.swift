// HTTP2: see Architecture.md.
