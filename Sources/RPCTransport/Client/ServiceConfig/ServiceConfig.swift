package import RPC
package import Vocabulary

/// How the calls of a channel are made, as their service's owner wants it.
///
/// - Source: grpc/grpc `doc/service_config.md`; gRFC A2, A6, A17, A21.
package struct ServiceConfig: Sendable {
    /// For some methods.
    package struct MethodConfig: Sendable {
        /// The longest a call may take; the caller's own deadline counts when it is sooner.
        package var timeoutNanoseconds: UInt64?
        /// For calls that do not say it themselves.
        package var waitsForReady: Bool?
        /// The longest messages; the caller's own limits count when they are lower.
        package var requestByteCountMax: Int?
        package var responseByteCountMax: Int?
        /// Which failed attempts are followed by others; nil when none are, but for those that no server touched.
        package var retryPolicy: RetryPolicy?

        package init() {}
    }

    /// Which methods a configuration is for.
    package enum MethodName: Hashable, Sendable {
        case method(service: String, method: String)
        case service(String)
        case all
    }

    /// By what paths begin with: `/service/method`, `/service/`, or nothing.
    private var byPath: [String: MethodConfig] = [:]
    /// What the calls of all channels to one target may spend on retries; nil for no limit but the policies'.
    package var retryTokens: RetryTokens?
    /// The service whose health decides whether an address gets calls; nil does not ask, empty asks for the server.
    ///
    /// Round-robin only: pick-first does not look at it.
    package var healthCheckServiceName: String?
    /// The first policy of `loadBalancingConfig` that is known here; nil when it names none.
    package var balancing: BalancingPolicy?

    package init() {}

    /// - Throws: `ServiceConfigError` when two entries are for the same name.
    package mutating func set(_ config: MethodConfig, for name: MethodName) throws(ServiceConfigError) {
        guard byPath.updateValue(config, forKey: name.pathPrefix) == nil else {
            throw ServiceConfigError("methodConfig.name", "no name twice")
        }
    }

    /// The configuration of the method at `/package.Service/Method`: its own, or its service's, or everybody's.
    package func config(of path: Bytes) -> MethodConfig? {
        guard !byPath.isEmpty, let path = path.utf8String else { return nil }
        if let config = byPath[path] { return config }
        if let slash = path.lastIndex(of: "/"), let config = byPath[String(path[...slash])] { return config }
        return byPath[""]
    }

    /// The options of a call after the configuration had its say.
    func applied(to options: consuming CallOptions, path: Bytes, at now: MonotonicTime) -> CallOptions {
        guard let config = config(of: path) else { return options }
        return config.applied(to: options, at: now)
    }
}

extension ServiceConfig.MethodName {
    fileprivate var pathPrefix: String {
        switch self {
        case .method(let service, let method): "/\(service)/\(method)"
        case .service(let service): "/\(service)/"
        case .all: ""
        }
    }
}

extension ServiceConfig.MethodConfig {
    /// What a call's own options become: the tighter of two limits, and what the caller has said itself.
    package func applied(to options: CallOptions, at now: MonotonicTime) -> CallOptions {
        var options = options
        if let timeoutNanoseconds {
            options.deadline = min(options.deadline, Deadline(now.advanced(byNanoseconds: timeoutNanoseconds)))
        }
        if let requestByteCountMax {
            options.requestByteCountMax = min(options.requestByteCountMax, requestByteCountMax)
        }
        if let responseByteCountMax {
            options.responseByteCountMax = min(options.responseByteCountMax, responseByteCountMax)
        }
        options.waitsForReady = options.waitsForReady ?? waitsForReady
        options.retryPolicy = options.retryPolicy ?? retryPolicy
        return options
    }
}

/// Why a service configuration is not used, any of it.
package struct ServiceConfigError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The field, with dots, as `methodConfig.retryPolicy.maxAttempts`.
    package let field: String
    /// What it should have been.
    package let expected: String

    package init(_ field: String, _ expected: String) {
        self.field = field
        self.expected = expected
    }

    package var description: String { "service config: \(field): expected \(expected)" }
}
