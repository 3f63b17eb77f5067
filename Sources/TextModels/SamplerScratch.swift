/// The memory that choosing a token needs, kept so that a step allocates nothing; all sequences share one.
///
/// - Isolation: engine thread only.
package final class SamplerScratch {
    /// A token that may be chosen: its logit, then its unnormalised probability.
    struct Candidate {
        let token: Int32
        var weight: Float

        static func precedes(_ a: Candidate, _ b: Candidate) -> Bool {
            a.weight != b.weight ? a.weight > b.weight : a.token < b.token
        }
    }

    private var candidates: [Candidate] = []
    private var logits: [Float] = []

    package init() {}

    /// Hands out an empty list, and keeps its memory afterwards.
    func withCandidates<Result>(_ body: (inout [Candidate]) -> Result) -> Result {
        // Taken out of the object meanwhile: its loops do not check for exclusive access.
        var list: [Candidate] = []
        swap(&list, &candidates)
        defer { swap(&list, &candidates) }
        list.removeAll(keepingCapacity: true)
        return body(&list)
    }

    /// Hands out a copy of `source` that may be changed.
    func withCopy<Result>(
        of source: UnsafeBufferPointer<Float>, _ body: (UnsafeMutableBufferPointer<Float>) -> Result
    ) -> Result {
        var copy: [Float] = []
        swap(&copy, &logits)
        defer { swap(&copy, &logits) }
        copy.removeAll(keepingCapacity: true)
        copy.append(contentsOf: source)
        return copy.withUnsafeMutableBufferPointer { body($0) }
    }
}
