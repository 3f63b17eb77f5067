import RPC
import Vocabulary

extension ServiceConfig {
    /// Reads a configuration as gRPC's documents have it; fields that mean nothing here are skipped.
    ///
    /// Hedging is off: a `hedgingPolicy` is skipped too, and its method's calls are made once.
    ///
    /// - Throws: `ServiceConfigError` for anything malformed; then nothing of the text is used.
    package init(json: String) throws(ServiceConfigError) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(json)
        } catch {
            throw ServiceConfigError("text", "JSON up to byte \(error.byteOffset)")
        }
        self.init()
        let root = try JSONField("", value).object()
        balancing = try Self.balancing(root)
        for entry in try root["methodConfig"]?.array() ?? [] { try read(methodConfig: entry.object()) }
        if let throttling = try root["retryThrottling"]?.object() { retryTokens = try RetryTokens(throttling) }
        healthCheckServiceName = try root["healthCheckConfig"]?.object()["serviceName"]?.string()
    }

    private static func balancing(_ root: JSONObject) throws(ServiceConfigError) -> BalancingPolicy? {
        if let list = try root["loadBalancingConfig"]?.array() {
            for entry in list {
                let policy = try entry.object()
                guard policy.fields.count == 1 else {
                    throw ServiceConfigError("loadBalancingConfig", "one policy an entry")
                }
                if let settings = try policy["pick_first"]?.object() {
                    return .pickFirst(shuffles: try settings["shuffleAddressList"]?.bool() ?? false)
                }
                if policy["round_robin"] != nil { return .roundRobin }
            }
            throw ServiceConfigError("loadBalancingConfig", "pick_first or round_robin")
        }
        guard let name = try root["loadBalancingPolicy"]?.string() else { return nil }
        switch name.lowercased() {
        case "pick_first": return .pickFirst(shuffles: false)
        case "round_robin": return .roundRobin
        default: throw ServiceConfigError("loadBalancingPolicy", "pick_first or round_robin")
        }
    }

    private mutating func read(methodConfig object: JSONObject) throws(ServiceConfigError) {
        var config = MethodConfig()
        config.waitsForReady = try object["waitForReady"]?.bool()
        config.timeoutNanoseconds = try object["timeout"]?.nanoseconds()
        config.requestByteCountMax = try object["maxRequestMessageBytes"]?.integer()
        config.responseByteCountMax = try object["maxResponseMessageBytes"]?.integer()
        if let policy = try object["retryPolicy"]?.object() {
            guard object["hedgingPolicy"] == nil else {
                throw ServiceConfigError("methodConfig", "retryPolicy or hedgingPolicy, not both")
            }
            config.retryPolicy = try RetryPolicy(policy)
        }
        for entry in try object["name"]?.array() ?? [] { try set(config, for: Self.name(entry.object())) }
    }

    private static func name(_ object: JSONObject) throws(ServiceConfigError) -> MethodName {
        let service = try object["service"]?.string() ?? ""
        let method = try object["method"]?.string() ?? ""
        guard !service.isEmpty else {
            guard method.isEmpty else { throw ServiceConfigError("methodConfig.name", "a method with its service") }
            return .all
        }
        return method.isEmpty ? .service(service) : .method(service: service, method: method)
    }
}

extension RetryPolicy {
    fileprivate init(_ object: JSONObject) throws(ServiceConfigError) {
        var codes: Set<StatusCode> = []
        for entry in try object.required("retryableStatusCodes").array() { codes.insert(try entry.statusCode()) }
        let policy = RetryPolicy(
            attemptCountMax: try object.required("maxAttempts").integer(),
            initialBackoffNanoseconds: try object.required("initialBackoff").nanoseconds(),
            maxBackoffNanoseconds: try object.required("maxBackoff").nanoseconds(),
            multiplier: try object.required("backoffMultiplier").number(), codes: codes)
        guard let policy else {
            throw ServiceConfigError(
                object.path, "maxAttempts above 1, times and multiplier above 0, and codes without OK")
        }
        self = policy
    }
}

extension RetryTokens {
    fileprivate init(_ object: JSONObject) throws(ServiceConfigError) {
        let tokens = RetryTokens(
            max: try object.required("maxTokens").integer(), ratio: try object.required("tokenRatio").number())
        guard let tokens else {
            throw ServiceConfigError(object.path, "maxTokens from 1 to 1000, and a tokenRatio of at least 0.001")
        }
        self = tokens
    }
}

/// A value and where in the configuration it is.
private struct JSONField {
    let path: String
    let value: JSONValue

    init(_ path: String, _ value: JSONValue) {
        self.path = path
        self.value = value
    }

    private func error(_ expected: String) -> ServiceConfigError { ServiceConfigError(path, expected) }

    func object() throws(ServiceConfigError) -> JSONObject {
        guard case .object(let members) = value else { throw error("an object") }
        return JSONObject(path: path, fields: members)
    }

    func array() throws(ServiceConfigError) -> [JSONField] {
        guard case .array(let values) = value else { throw error("an array") }
        return values.map { JSONField(path, $0) }
    }

    func string() throws(ServiceConfigError) -> String {
        guard case .string(let text) = value else { throw error("a string") }
        return text
    }

    func bool() throws(ServiceConfigError) -> Bool {
        guard case .bool(let flag) = value else { throw error("true or false") }
        return flag
    }

    func number() throws(ServiceConfigError) -> Double {
        guard case .number(let number) = value else { throw error("a number") }
        return number
    }

    /// 32 bits, without a sign; as protobuf's JSON, also in quotes.
    func integer() throws(ServiceConfigError) -> Int {
        if case .string(let text) = value, let number = UInt32(text) { return Int(number) }
        guard case .number(let number) = value, let exact = UInt32(exactly: number) else {
            throw error("a whole number of 32 bits")
        }
        return Int(exact)
    }

    /// Protobuf's JSON of a duration: seconds, perhaps with up to nine decimals, and an `s`.
    func nanoseconds() throws(ServiceConfigError) -> UInt64 {
        guard case .string(let text) = value, text.hasSuffix("s") else { throw error("a duration, as \"1.5s\"") }
        let parts = text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
        let isDecimal = parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
        guard isDecimal, parts.count <= 2, let seconds = UInt64(parts[0]), seconds <= 315_576_000_000,
            parts.count == 1 || parts[1].count <= 9
        else { throw error("a duration, as \"1.5s\"") }
        let decimals = parts.count == 2 ? String(parts[1]) : ""
        let fraction = UInt64(decimals + String(repeating: "0", count: 9 - decimals.count)) ?? 0
        // Ten thousand years are more than 64 bits of nanoseconds: as long as any clock runs.
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow || product > .max - fraction ? .max : product + fraction
    }

    /// By number or by name, in upper or lower case.
    func statusCode() throws(ServiceConfigError) -> StatusCode {
        switch value {
        case .number(let number):
            if let exact = Int(exactly: number), let code = StatusCode(rawValue: exact) { return code }
        case .string(let text):
            if let code = StatusCode.allCases.first(where: { $0.name == text.uppercased() }) { return code }
        case .null, .bool, .array, .object: break
        }
        throw error("a status code")
    }
}

/// An object and where in the configuration it is.
private struct JSONObject {
    let path: String
    let fields: [JSONValue.Member]

    /// A field; nil when it is missing or null.
    subscript(_ name: String) -> JSONField? {
        guard let member = fields.first(where: { $0.name == name }), member.value != .null else { return nil }
        return JSONField(path.isEmpty ? name : "\(path).\(name)", member.value)
    }

    func required(_ name: String) throws(ServiceConfigError) -> JSONField {
        guard let field = self[name] else {
            throw ServiceConfigError(path.isEmpty ? name : "\(path).\(name)", "a value")
        }
        return field
    }
}
