import Glibc

/// The `count` highest of `scores`, highest first, equal ones by index.
///
/// - Returns: pairs of index and score; fewer than `count` when there are fewer scores.
func highest(_ count: Int, of scores: some Collection<Float>) -> [(index: Int, score: Float)] {
    let ranked = scores.enumerated().sorted { left, right in
        left.element != right.element ? left.element > right.element : left.offset < right.offset
    }
    return ranked.prefix(count).map { (index: $0.offset, score: $0.element) }
}

/// The softmax of `logits`: exponentials scaled to the sum 1, the highest taken off first so that none overflows.
func softmax(_ logits: [Float]) -> [Float] {
    let highest = logits.max() ?? 0
    let exponentials = logits.map { exp($0 - highest) }
    let total = exponentials.reduce(0, +)
    return exponentials.map { $0 / total }
}
