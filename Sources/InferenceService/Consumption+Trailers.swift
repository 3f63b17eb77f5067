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
                let field = Self.trailerNames.firstIndex(where: { name.equals($0) })
            else { return }
            self[field] = value.decimal ?? 0
        }
        self = clamped
    }

    /// What the trailers of a call say, for whoever counts without reading messages: the times always, all kinds of
    /// tokens where there was a prompt, and of the rest what there is.
    var trailers: [(name: String, value: String)] {
        Self.trailerNames.enumerated().compactMap { field, name in
            let value = self[field]
            let isOfText = promptTokenCount > 0 && Self.textFields.contains(field)
            return value > 0 || Self.timeFields.contains(field) || isOfText ? (name.description, String(value)) : nil
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
        for (field, name) in Self.trailerNames.enumerated() { self[field] = parameters[name.description] ?? 0 }
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

    private static let trailerNames: [StaticString] = [
        "apus-prompt-tokens", "apus-cached-tokens", "apus-generated-tokens", "apus-images", "apus-nodes", "apus-edges",
        "apus-queue-us", computeTimeName,
    ]
    /// Of `trailerNames`, those that every text has, and those that every call has.
    private static let (textFields, timeFields) = (1...2, 6...7)

    /// The count of one of `trailerNames`.
    ///
    /// Why no key paths: a front end reads the trailers of every call, and each key path costs it as much as a header.
    private subscript(field: Int) -> UInt64 {
        get {
            switch field {
            case 0: promptTokenCount
            case 1: cachedTokenCount
            case 2: generatedTokenCount
            case 3: imageCount
            case 4: nodeCount
            case 5: edgeCount
            case 6: queueMicroseconds
            default: computeMicroseconds
            }
        }
        set {
            switch field {
            case 0: promptTokenCount = newValue
            case 1: cachedTokenCount = newValue
            case 2: generatedTokenCount = newValue
            case 3: imageCount = newValue
            case 4: nodeCount = newValue
            case 5: edgeCount = newValue
            case 6: queueMicroseconds = newValue
            default: computeMicroseconds = newValue
            }
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The number that these digits are; nil for anything else, and past 64 bits.
    fileprivate var decimal: UInt64? {
        guard !isEmpty else { return nil }
        var number: UInt64 = 0
        for byte in self {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (tenfold, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            let (sum, overflows) = tenfold.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            guard !isTooLarge, !overflows else { return nil }
            number = sum
        }
        return number
    }
}
