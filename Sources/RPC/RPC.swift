// RPC: see Architecture.md.
