// Tests of RPCTransport.
