package import ApusClient

/// Several loads at once, of several tenants, for one and the same time: what one scenario file says.
package struct Scenario: Equatable, Sendable {
    package var name: String
    /// The file, word for word, so that a result can say what it is a result of.
    package var text: String
    package var warmupNanoseconds: UInt64
    package var durationNanoseconds: UInt64
    /// The measured time is cut into windows of this length.
    package var windowNanoseconds: UInt64
    /// Begins everything random: arrivals, prompts, lengths.
    package var seed: UInt64
    /// Threads of the load generator; the connections of one tenant share one.
    ///
    /// Tenants have their own unless the file says otherwise, so that one whose calls are refused at once does not keep
    /// another's waiting here instead of at the server.
    package var threadCount: Int
    package var tenants: [ScenarioTenant]

    /// Threads of a scenario whose file does not say how many.
    static let threadCountMax = 4
    /// Windows of a measurement whose file does not say how long they are.
    static let windowCount: UInt64 = 30
    static let windowNanosecondsRange: ClosedRange<UInt64> = 100_000_000...10_000_000_000
}

/// Who loads a server, and how.
package struct ScenarioTenant: Equatable, Sendable {
    /// What results call it; the server knows it by its certificate.
    package var name: String
    /// Its share where tenants compete, as the server has it; service is divided by it to judge fairness.
    package var weight: Double
    package var client: ApusClientConfiguration
    package var connectionCount: Int
    package var loads: [ScenarioLoad]
}

/// One load of a tenant: one kind of request to one model, and how often.
package struct ScenarioLoad: Equatable, Sendable {
    /// Told apart from the tenant's others by it.
    package var name: String
    package var model: String
    package var version: Int?
    package var request: ScenarioRequest
    /// Different requests that are made beforehand and sent in turn, where lengths or prompts are random: once they are
    /// all sent they come again, and a server that remembers prompts has them.
    package var variantCount: Int
    package var plan: LoadPlan
}

/// What is asked of a model.
package enum ScenarioRequest: Equatable, Sendable {
    /// `Text.Generate`.
    case generate(TextSource, tokens: LengthDistribution, temperature: Float, stopsAtEnd: Bool)
    /// `Text.Embed`, with so many texts a request.
    case embed(TextSource, textsPerRequest: Int)
    /// `Vision.Classify` of files; of random pixels without any.
    case classify(pictures: [String])
    /// `Graph.Predict` of these nodes; of all when there are none.
    case predict(nodes: [UInt32])
    /// `Graph.Predict` of nodes drawn at random.
    case predictRandom(nodeCount: Int, below: UInt32)
    /// `ModelInfer` of random tensors, as the model's metadata and these shapes say.
    case infer(shapes: [String: [Int]])
}

/// Where texts come from.
package enum TextSource: Equatable, Sendable {
    /// These, in turn.
    case given([String])
    /// Random words, so that no two of the load's variants begin alike, but for a beginning that all of them have.
    case words(LengthDistribution, prefix: String)
}
