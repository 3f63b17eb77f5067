import ApusClient
package import Configuration
import Foundation
import Vocabulary

/// What a command line says instead of a scenario file.
package struct ScenarioOverrides: Equatable, Sendable {
    package var target: String?
    /// The folder of certificates.
    package var certificates: String?
    package var durationNanoseconds: UInt64?
    package var warmupNanoseconds: UInt64?
    package var seed: UInt64?

    package init() {}
}

extension Scenario {
    /// Reads a scenario file. Every key, with its default; times such as `500us`, `20ms`, `2s` or `5min`:
    ///
    /// ```yaml
    /// server: 127.0.0.1:8461        # a tenant may have its own
    /// server_name: apus.internal    # what its certificate must say, unless it is the host
    /// certificates: Certs/local     # ca.pem, and NAME.pem with NAME.key for each identity
    /// plaintext: false              # true for a server on this machine that was started with --plaintext
    /// duration: 30s
    /// warm_up: 5s
    /// window: 1s                    # figures and their uncertainty go by windows; a 30th of the duration unless said
    /// seed: 1                       # arrivals, prompts and lengths are the same for the same seed
    /// threads: 2                    # of the load generator; one for each tenant unless said, up to 4
    /// tenants:
    ///   - name: acme
    ///     identity: tenant-acme     # tenant-NAME unless said; or all of: ca, certificate, key
    ///     weight: 1                 # as the server's configuration has it: fairness is judged by it
    ///     connections: 1
    ///     load:
    ///       - name: chat            # the model's name unless said
    ///         model: storyteller
    ///         version: 1            # the newest unless said
    ///         generate: {…}         # one of generate, embed, classify, predict, infer
    ///         rate: 20              # calls that arrive each second, whatever the server does, or
    ///         concurrency: 8        # callers that wait for their answers
    ///         arrivals: poisson     # of a rate; or constant
    ///         deadline: 30s         # from when a call is due; then it has failed
    ///         slo: {ttft: 200ms, inter_token: 50ms, latency: 500ms}   # a call that keeps to all of it is good
    ///         obey_pushback: false  # whether to wait when a refusal asks for it
    ///         variants: 256         # different random requests, sent in turn and then again; unless said as many as
    ///                               # a rate sends (256 to 10000), or 5000
    /// ```
    ///
    /// Relative paths are from the folder where the program runs. What a request may say stands at
    /// `ScenarioRequest.init(_:)`.
    ///
    /// - Throws: `ConfigurationError` with file, line and key.
    package init(path: String, overrides: ScenarioOverrides = ScenarioOverrides()) throws(ConfigurationError) {
        let map = try ConfigurationFile.read(path: path)
        let bytes = FileManager.default.contents(atPath: path) ?? Data()
        let name = URL(filePath: path).deletingPathExtension().lastPathComponent
        try self.init(map, name: name, text: String(decoding: bytes, as: UTF8.self), overrides)
    }

    /// Reads a scenario from a file's map.
    init(
        _ map: ConfigurationMap, name: String, text: String, _ overrides: ScenarioOverrides = ScenarioOverrides()
    ) throws(ConfigurationError) {
        let day = 86_400_000_000_000
        let duration = try map.nanoseconds("duration", in: 1_000_000...day).map(UInt64.init)
        let warmup = try map.nanoseconds("warm_up", in: 0...day).map(UInt64.init)
        self.name = name
        self.text = text
        durationNanoseconds = overrides.durationNanoseconds ?? duration ?? 30_000_000_000
        warmupNanoseconds = overrides.warmupNanoseconds ?? warmup ?? 5_000_000_000
        let window = try map.nanoseconds("window", in: 1_000_000...day).map(UInt64.init)
        windowNanoseconds = window ?? Self.window(of: durationNanoseconds)
        guard durationNanoseconds / windowNanoseconds <= WindowColumns.windowCountMax else {
            throw map.error(at: "window", "gives more than \(WindowColumns.windowCountMax) windows")
        }
        let seed = try map.integer("seed", in: 0...Int.max).map(UInt64.init)
        self.seed = overrides.seed ?? seed ?? 1
        let threads = try map.integer("threads", in: 1...64)
        threadCount = 1
        tenants = []
        let server = try ServerKeys(map, overrides)
        for tenant in try map.maps("tenants") {
            tenants.append(try ScenarioTenant(tenant, server, overrides, in: self, index: tenants.count))
        }
        threadCount = max(1, min(threads ?? Self.threadCountMax, tenants.count))
        try map.finish()
        guard !tenants.isEmpty else { throw map.error(at: "tenants", "expected at least one tenant") }
        if let twin = Self.firstRepeated(tenants.map(\.name)) {
            throw map.error(at: "tenants", "two tenants are named \(twin)")
        }
    }

    private static func window(of durationNanoseconds: UInt64) -> UInt64 {
        let range = windowNanosecondsRange
        return min(max(durationNanoseconds / windowCount, range.lowerBound), range.upperBound)
    }

    static func firstRepeated(_ names: [String]) -> String? {
        var seen: Set<String> = []
        return names.first { !seen.insert($0).inserted }
    }
}

/// The keys about a server, which a tenant may have too.
private struct ServerKeys {
    let target: String
    let name: String?
    let isPlaintext: Bool
    let certificates: String

    init(_ map: ConfigurationMap, _ overrides: ScenarioOverrides) throws(ConfigurationError) {
        let file = try map.string("server")
        target = overrides.target ?? file ?? "127.0.0.1:\(ApusClientConfiguration.defaultPort)"
        name = try map.string("server_name")
        isPlaintext = try map.bool("plaintext") ?? false
        let folder = try map.string("certificates")
        certificates = overrides.certificates ?? folder ?? "Certs/local"
        try Self.check(target, map)
    }

    private static func check(_ target: String, _ map: ConfigurationMap) throws(ConfigurationError) {
        guard ApusClientConfiguration(target: target, security: .plaintext) != nil else {
            throw map.error(at: "server", "expected HOST:PORT, got \"\(target.shown())\"")
        }
    }

    /// Where a tenant connects, and as whom.
    func client(
        of tenant: String, _ map: ConfigurationMap, _ overrides: ScenarioOverrides
    ) throws(ConfigurationError) -> ApusClientConfiguration {
        let own = try map.string("server")
        let target = overrides.target ?? own ?? self.target
        try Self.check(target, map)
        let identity = try map.string("identity") ?? "tenant-\(tenant)"
        var files = ApusCertificates(folder: certificates)
        files.authorityFile = try map.string("ca") ?? files.authorityFile
        files.certificateFile = try map.string("certificate") ?? "\(certificates)/\(identity).pem"
        files.keyFile = try map.string("key") ?? "\(certificates)/\(identity).key"
        if !isPlaintext {
            for (key, file) in [
                ("ca", files.authorityFile), ("certificate", files.certificateFile), ("key", files.keyFile),
            ] where !FileManager.default.fileExists(atPath: file) {
                let place = map.contains(key) ? key : map.contains("identity") ? "identity" : "name"
                throw map.error(
                    at: place,
                    "no such file: \(file); make it with: apus certs issue --tenant NAME --folder \(certificates)")
            }
        }
        guard
            var client = ApusClientConfiguration(
                target: target, security: isPlaintext ? .plaintext : .mutualTLS(files))
        else { preconditionFailure("the target \(target) was checked") }
        client.serverName = try map.string("server_name") ?? name
        return client
    }
}

extension ScenarioTenant {
    fileprivate init(
        _ map: ConfigurationMap, _ server: ServerKeys, _ overrides: ScenarioOverrides, in scenario: Scenario, index: Int
    ) throws(ConfigurationError) {
        name = try map.requiredString("name")
        weight = try map.double("weight", in: 0.001...1_000_000) ?? 1
        connectionCount = try map.integer("connections", in: 1...LoadPlan.connectionCountMax) ?? 1
        client = try server.client(of: name, map, overrides)
        loads = []
        // Each load has a seed of its own, which other loads that come or go do not change.
        var seeds = SplitMix64(seed: scenario.seed &+ UInt64(index) << 32)
        for load in try map.maps("load") {
            loads.append(
                try ScenarioLoad(load, in: scenario, connectionCount: connectionCount, seed: seeds.next()))
        }
        guard !loads.isEmpty else {
            try map.finish()
            throw map.error(at: "load", "expected at least one load")
        }
        if let twin = Scenario.firstRepeated(loads.map(\.name)) {
            throw map.error(at: "load", "two loads are named \(twin): give them names")
        }
    }
}
