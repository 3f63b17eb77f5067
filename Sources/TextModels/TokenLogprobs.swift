import Glibc

/// How likely the model found a token, and the most likely ones beside it.
///
/// Logarithms (base e) of the softmax over the raw logits, before anything that sampling does to them.
package struct TokenLogprobs: Sendable, Equatable {
    /// A token and the logarithm of its probability.
    package struct Entry: Sendable, Equatable {
        package let token: Int32
        package let logprob: Float

        package init(token: Int32, logprob: Float) {
            self.token = token
            self.logprob = logprob
        }
    }

    /// The token that was chosen.
    package let chosen: Entry
    /// The most likely tokens, the most likely first, the lowest id first among equals.
    package let top: [Entry]

    /// Most entries in `top`.
    package static let topCountMax = 20

    package init(chosen: Entry, top: [Entry]) {
        self.chosen = chosen
        self.top = top
    }

    /// Computes them; a logit that is not a number has probability 0.
    ///
    /// Stable: relative to the largest logit, with the sum in Double.
    ///
    /// - Precondition: `token` has a logit, and `topCount` is in `0 ... topCountMax`.
    package init(of token: Int32, topCount: Int, in logits: UnsafeBufferPointer<Float>) {
        precondition((0...Self.topCountMax).contains(topCount), "the top \(topCount)")
        let best = logits[Int(Sampler.mostLikely(logits))]
        var sum = 0.0
        for logit in logits where !logit.isNaN { sum += Double(Self.weight(logit, best)) }
        let logSum = Float(log(sum))
        func logprob(_ token: Int32) -> Float {
            let logit = logits[Int(token)]
            return logit == best ? -logSum : logit.isNaN ? -.infinity : logit - best - logSum
        }
        chosen = Entry(token: token, logprob: logprob(token))
        top = Self.mostLikely(topCount, logits).map { Entry(token: $0, logprob: logprob($0)) }
    }

    /// The probability in units of the largest; also where that one's logit is infinite.
    private static func weight(_ logit: Float, _ best: Float) -> Float { logit == best ? 1 : expf(logit - best) }

    private static func mostLikely(_ count: Int, _ logits: UnsafeBufferPointer<Float>) -> [Int32] {
        guard count > 0 else { return [] }
        var top: [Int32] = []
        top.reserveCapacity(count + 1)
        for token in logits.indices where !logits[token].isNaN {
            if top.count == count, logits[token] <= logits[Int(top[count - 1])] { continue }
            let place = top.firstIndex { logits[Int($0)] < logits[token] } ?? top.count
            top.insert(Int32(token), at: place)
            if top.count > count { top.removeLast() }
        }
        return top
    }
}
