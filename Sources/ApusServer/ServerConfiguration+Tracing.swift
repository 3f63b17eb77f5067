import Configuration
import TLS

extension ServerConfiguration.Tracing {
    init(reading map: ConfigurationMap) throws(ConfigurationError) {
        self.init()
        sampleRatio = try map.double("sample", in: 0...1) ?? sampleRatio
        callerLimit = try map.double("caller_limit", in: 0.001...1e6) ?? callerLimit
        file = try map.string("file")
        if let section = try map.map("otlp") { collector = try ServerConfiguration.Collector(reading: section) }
        serviceName = try map.string("service_name") ?? serviceName
        guard file != nil || collector != nil else {
            throw map.error(at: "file", "is required, or otlp: spans have to go somewhere")
        }
    }
}

extension ServerConfiguration.Collector {
    fileprivate init(reading map: ConfigurationMap) throws(ConfigurationError) {
        self.init(
            endpoint: try ServerConfiguration.address(try map.requiredString("endpoint"), at: "endpoint", in: map))
        serverName = try map.string("server_name")
        compression = try map.choice("compression", of: ServerConfiguration.Compression.Format.self) ?? compression
        guard try !(map.bool("plaintext") ?? false) else {
            guard endpoint.isLoopback else {
                throw map.error(at: "plaintext", "only a loopback address is called without TLS, not \(endpoint.host)")
            }
            return
        }
        let (certificate, key) = (try map.string("certificate"), try map.string("key"))
        guard (certificate == nil) == (key == nil) else {
            throw map.error(at: certificate == nil ? "key" : "certificate", "certificate and key go together")
        }
        certificates = ClientCredentialFiles(
            serverAuthoritiesPath: try map.requiredString("ca"), certificatePath: certificate, keyPath: key)
    }
}
