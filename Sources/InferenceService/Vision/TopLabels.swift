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

/// Probabilities from logits: exponentials, scaled to the sum 1.
///
/// Scores that are probabilities already (none negative, sum 1 within `1e-3`) come back as they are: classifiers are
/// exported both with and without their last softmax.
func probabilities(_ scores: [Float]) -> [Float] {
    let sum = scores.reduce(0, +)
    if scores.allSatisfy({ $0 >= 0 }), abs(sum - 1) <= 1e-3 { return scores }
    let highest = scores.max() ?? 0
    let exponentials = scores.map { exp($0 - highest) }
    let total = exponentials.reduce(0, +)
    return exponentials.map { $0 / total }
}
