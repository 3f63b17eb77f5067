package import RPC

/// What calls used, as the server says in their trailers.
package struct CallUsage: Codable, Equatable, Sendable {
    /// Calls that used something; one that was refused says that it used nothing.
    package var calls: UInt64 = 0
    package var promptTokens: UInt64 = 0
    package var cachedTokens: UInt64 = 0
    package var generatedTokens: UInt64 = 0
    package var images: UInt64 = 0
    package var nodes: UInt64 = 0
    package var queueMicroseconds: UInt64 = 0
    package var computeMicroseconds: UInt64 = 0

    package init() {}

    /// Of one call; nothing for a server that does not say.
    package init(_ trailers: Metadata) {
        for entry in trailers.entries where entry.name.hasPrefix("apus-") {
            guard case .text(let text) = entry.value, let value = UInt32(text).map(UInt64.init) else { continue }
            switch entry.name {
            case "apus-prompt-tokens": promptTokens = value
            case "apus-cached-tokens": cachedTokens = value
            case "apus-generated-tokens": generatedTokens = value
            case "apus-images": images = value
            case "apus-nodes": nodes = value
            case "apus-queue-us": queueMicroseconds = value
            case "apus-compute-us": computeMicroseconds = value
            default: continue
            }
            if value > 0 { calls = 1 }
        }
    }

    package static func += (left: inout CallUsage, right: CallUsage) {
        left.calls += right.calls
        left.promptTokens += right.promptTokens
        left.cachedTokens += right.cachedTokens
        left.generatedTokens += right.generatedTokens
        left.images += right.images
        left.nodes += right.nodes
        left.queueMicroseconds += right.queueMicroseconds
        left.computeMicroseconds += right.computeMicroseconds
    }
}
