// RPCTransport: see Architecture.md.
