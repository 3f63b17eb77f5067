import Configuration
import Foundation
import Vocabulary

extension ScenarioLoad {
    init(
        _ map: ConfigurationMap, in scenario: Scenario, connectionCount: Int, seed: UInt64
    ) throws(ConfigurationError) {
        model = try map.requiredString("model")
        name = try map.string("name") ?? model
        version = try map.integer("version", in: 1...Int(Int32.max))
        let variants = try map.integer("variants", in: 1...Self.variantCountMax)
        let deadline = try map.nanoseconds("deadline", in: 1_000_000...86_400_000_000_000) ?? 30_000_000_000
        let detail = LoadDetail(
            objective: try Self.objective(map), windowNanoseconds: scenario.windowNanoseconds,
            heedsPushback: try map.bool("obey_pushback") ?? false)
        let rate = try map.double("rate", in: 0.001...LoadPlan.callsPerSecondMax)
        let callerCount = try map.integer("concurrency", in: 1...LoadPlan.callerCountMax)
        let arrivals = try map.choice("arrivals", of: ArrivalPattern.self)
        // Last, when every other key is known: a misspelt one is then found before one that is missing.
        request = try ScenarioRequest(map)
        let load = try Self.load(map, rate, callerCount, arrivals, seed: seed)
        do {
            plan = try LoadPlan(
                load, warmupNanoseconds: scenario.warmupNanoseconds,
                durationNanoseconds: scenario.durationNanoseconds, timeoutNanoseconds: UInt64(deadline),
                connectionCount: connectionCount)
        } catch {
            throw map.error(at: "model", error.description)
        }
        plan.detail = detail
        variantCount =
            variants
            ?? Self.variantCount(
                load,
                nanoseconds: scenario.warmupNanoseconds.addingReportingOverflow(scenario.durationNanoseconds)
                    .partialValue)
    }

    /// The most requests that are made beforehand.
    static let variantCountMax = 10_000

    /// As many requests as a rate sends, where that is known, so that none comes twice.
    private static func variantCount(_ load: LoadPlan.Load, nanoseconds: UInt64) -> Int {
        switch load {
        case .open(let callsPerSecond, _, _):
            // Arrivals are random: a few more than the average.
            let calls = callsPerSecond * Double(nanoseconds) / 1e9
            return Int(min(Double(variantCountMax), max(256, (calls + 5 * calls.squareRoot()).rounded(.up))))
        case .closed: return variantCountMax / 2
        }
    }

    private static func load(
        _ map: ConfigurationMap, _ rate: Double?, _ callerCount: Int?, _ arrivals: ArrivalPattern?, seed: UInt64
    ) throws(ConfigurationError) -> LoadPlan.Load {
        switch (rate, callerCount) {
        case (let rate?, nil): return .open(callsPerSecond: rate, seed: seed, arrivals: arrivals ?? .poisson)
        case (nil, let callerCount?):
            guard arrivals == nil else { throw map.error(at: "arrivals", "is for a rate; callers wait for answers") }
            return .closed(callerCount: callerCount)
        case (nil, nil):
            try map.finish()
            throw map.error(at: "model", "either rate or concurrency is required beside it")
        default: throw map.error(at: "concurrency", "give either rate or concurrency, not both")
        }
    }

    private static func objective(_ map: ConfigurationMap) throws(ConfigurationError) -> ServiceObjective {
        guard let slo = try map.map("slo") else { return ServiceObjective() }
        func time(_ key: String) throws(ConfigurationError) -> UInt64? {
            try slo.nanoseconds(key, in: 1...3_600_000_000_000).map(UInt64.init)
        }
        return ServiceObjective(
            latencyNanoseconds: try time("latency"), firstTokenNanoseconds: try time("ttft"),
            betweenTokensNanoseconds: try time("inter_token"))
    }
}

extension ScenarioRequest {
    private static let kinds = ["generate", "embed", "classify", "predict", "infer"]

    /// Reads what a load asks for, after its other keys.
    ///
    /// It is one of these:
    ///
    /// ```yaml
    /// generate:
    ///   prompts: ["Once upon a time"]            # in turn; or random words:
    ///   prompt_words: {median: 100, sigma: 1, max: 2000}
    ///   prompt_prefix: "You are a helpful assistant."   # before the random words, the same every time
    ///   max_tokens: {min: 16, max: 128}          # 64 unless said
    ///   temperature: 0
    ///   stop_at_end: false                       # true: end where the model ends, not at max_tokens
    /// embed: {texts: [a cat], texts_per_request: 1}    # or text_words: {mean: 20, max: 200}
    /// classify: {pictures: [seven.png]}          # random pixels without
    /// predict: {nodes: [0, 33]}                  # all nodes without; or {random_nodes: 2, below: 34}
    /// infer: {shapes: {input: [1, 16]}}          # shapes only where the model leaves them open
    /// ```
    ///
    /// A length is a number, `{min, max}` (each as likely), `{mean, max}` (exponential) or `{median, sigma, max}`
    /// (log-normal).
    init(_ map: ConfigurationMap) throws(ConfigurationError) {
        let given = Self.kinds.filter { map.contains($0) }
        guard given.count <= 1 else {
            throw map.error(at: given[1], "a load has one kind of request, and there is \(given[0]) already")
        }
        for kind in Self.kinds {
            guard let keys = try map.map(kind) else { continue }
            self = try Self.request(kind, keys)
            return
        }
        try map.finish()
        throw map.error(at: "model", "expected one of \(Self.kinds.joined(separator: ", ")) beside it")
    }

    private static func request(
        _ kind: String, _ keys: ConfigurationMap
    ) throws(ConfigurationError) -> ScenarioRequest {
        switch kind {
        case "generate":
            .generate(
                try TextSource(keys, given: "prompts", words: "prompt_words", prefix: "prompt_prefix"),
                tokens: try keys.lengths("max_tokens") ?? .fixed(64),
                temperature: Float(try keys.double("temperature", in: 0...10) ?? 0),
                stopsAtEnd: try keys.bool("stop_at_end") ?? false)
        case "embed":
            .embed(
                try TextSource(keys, given: "texts", words: "text_words", prefix: "text_prefix"),
                textsPerRequest: try keys.integer("texts_per_request", in: 1...1024) ?? 1)
        case "classify": try classify(keys)
        case "predict": try predict(keys)
        default: .infer(shapes: try shapes(keys))
        }
    }

    private static func classify(_ keys: ConfigurationMap) throws(ConfigurationError) -> ScenarioRequest {
        let files = try keys.strings("pictures") ?? []
        for file in files where !FileManager.default.fileExists(atPath: file) {
            throw keys.error(at: "pictures", "no such file: \(file)")
        }
        return .classify(pictures: files)
    }

    private static func predict(_ keys: ConfigurationMap) throws(ConfigurationError) -> ScenarioRequest {
        var nodes: [UInt32] = []
        for text in try keys.strings("nodes") ?? [] {
            guard let node = UInt32(text) else {
                throw keys.error(at: "nodes", "expected a list of nodes from 0 on, got \"\(text.shown())\" in it")
            }
            nodes.append(node)
        }
        let count = try keys.integer("random_nodes", in: 1...100_000)
        let below = try keys.integer("below", in: 1...Int(UInt32.max))
        guard let count else { return .predict(nodes: nodes) }
        guard let below else { throw keys.error(at: "random_nodes", "needs below: the number of the graph's nodes") }
        return .predictRandom(nodeCount: count, below: UInt32(below))
    }

    private static func shapes(_ keys: ConfigurationMap) throws(ConfigurationError) -> [String: [Int]] {
        var shapes: [String: [Int]] = [:]
        guard let map = try keys.map("shapes") else { return shapes }
        for name in map.keys {
            let texts = try map.strings(name) ?? []
            shapes[name] = texts.compactMap { Int($0) }.filter { (0...Int(Int32.max)).contains($0) }
            guard shapes[name]?.count == texts.count else {
                throw map.error(at: name, "expected a list of extents such as [1, 16]")
            }
        }
        return shapes
    }
}

extension TextSource {
    init(
        _ keys: ConfigurationMap, given: String, words: String, prefix: String
    ) throws(ConfigurationError) {
        let texts = try keys.strings(given)
        let lengths = try keys.lengths(words)
        let beginning = try keys.string(prefix)
        switch (texts, lengths) {
        case (let texts?, nil):
            guard !texts.isEmpty else { throw keys.error(at: given, "expected at least one text") }
            guard beginning == nil else { throw keys.error(at: prefix, "is for \(words)") }
            self = .given(texts)
        case (nil, let lengths?): self = .words(lengths, prefix: beginning ?? "")
        case (nil, nil): throw keys.error(at: given, "either \(given) or \(words) is required")
        default: throw keys.error(at: words, "give either \(given) or \(words), not both")
        }
    }
}
