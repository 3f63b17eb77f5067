import HTTP2
import Messages
package import RPC
package import Tenancy
import Vocabulary

extension Consumption {
    /// What cannot have been exceeded, where nobody can say how much of it was used.
    init(most amounts: MeteredAmounts) {
        self.init()
        generatedTokenCount = amounts.tokens
        imageCount = amounts.images
        nodeCount = amounts.nodes
        edgeCount = amounts.edges
        self = clamped
    }

    /// A text of so many tokens, as a prompt and as what has been generated.
    init(promptTokenCount: UInt64, generatedTokenCount: UInt64) {
        self.init()
        self.promptTokenCount = promptTokenCount
        self.generatedTokenCount = generatedTokenCount
        self = clamped
    }

    /// Reads what a shard says in its trailers that a call has used, as far as a call can have.
    init(trailers: HeaderBlock) {
        self.init()
        trailers.forEach { name, value in
            guard name.count > 5, UnsafeRawBufferPointer(rebasing: name[..<5]).equals("apus-"),
                let field = Self.trailerNames.first(where: { name.equals($0.0) })?.1
            else { return }
            self[keyPath: field] = UInt64(String(decoding: value.prefix(20), as: UTF8.self)) ?? 0
        }
        self = clamped
    }

    /// What the trailers of a call say, for whoever counts without reading messages: the times always, all kinds of
    /// tokens where there was a prompt, and of the rest what there is.
    var trailers: [(name: String, value: String)] {
        Self.trailerNames.compactMap { name, count in
            let name = name.description
            let value = self[keyPath: count]
            let isTime = count == \.queueMicroseconds || count == \.computeMicroseconds
            let isOfText = count == \.cachedTokenCount || count == \.generatedTokenCount
            return value > 0 || isTime || isOfText && promptTokenCount > 0 ? (name, String(value)) : nil
        }
    }

    /// The same as metadata.
    package var metadata: Metadata { Self.metadata(trailers) }

    /// The same with the digest of what was answered, if there is one.
    func metadata(with digest: String?) -> Metadata {
        Self.metadata(trailers + (digest.map { [(OutputDigest.trailerName, $0)] } ?? []))
    }

    /// What stands in front of a text, where a front end asked for it.
    static func announcement(promptTokenCount: Int) -> Metadata {
        metadata([("apus-prompt-tokens", String(promptTokenCount))])
    }

    private static func metadata(_ fields: [(name: String, value: String)]) -> Metadata {
        var metadata = Metadata()
        for (name, value) in fields {
            do {
                try metadata.append(name, value)
            } catch {
                preconditionFailure("metadata of our own: \(error)")
            }
        }
        return metadata
    }

    /// What a response says that its request has used, where a call has several requests: as the trailers of the call.
    var parameters: [String: InferParameter] {
        [String: InferParameter](
            uniqueKeysWithValues: trailers.map { name, value in
                (name, InferParameter(parameterChoice: .uint64Param(UInt64(value) ?? 0)))
            })
    }

    /// Reads what a response says that its request has used; nil where it says nothing.
    init?(parameters: [String: UInt64]) {
        guard parameters[Self.computeTimeName.description] != nil else { return nil }
        self.init()
        for (name, count) in Self.trailerNames { self[keyPath: count] = parameters[name.description] ?? 0 }
        self = clamped
    }

    /// Always there.
    private static let computeTimeName: StaticString = "apus-compute-us"

    /// What of it is no time and not nothing, by the names of the trailers in the words of a log.
    var counts: [(name: String, count: UInt64)] {
        Self.countNames.compactMap { name, count in self[keyPath: count] > 0 ? (name, self[keyPath: count]) : nil }
    }

    private static let countNames: [(String, any (WritableKeyPath<Consumption, UInt64> & Sendable))] = [
        ("prompt_tokens", \.promptTokenCount), ("cached_tokens", \.cachedTokenCount),
        ("generated_tokens", \.generatedTokenCount), ("images", \.imageCount), ("nodes", \.nodeCount),
        ("edges", \.edgeCount),
    ]

    private static let trailerNames: [(StaticString, any (WritableKeyPath<Consumption, UInt64> & Sendable))] = [
        ("apus-prompt-tokens", \.promptTokenCount), ("apus-cached-tokens", \.cachedTokenCount),
        ("apus-generated-tokens", \.generatedTokenCount), ("apus-images", \.imageCount), ("apus-nodes", \.nodeCount),
        ("apus-edges", \.edgeCount), ("apus-queue-us", \.queueMicroseconds),
        (computeTimeName, \.computeMicroseconds),
    ]
}
