package import Compute
import ModelFiles
package import Models

/// Where one row of a step belongs: a token of a sequence.
struct StepRow {
    /// Index of its span in the step.
    let span: Int
    let token: Int32
    /// Its position in the sequence.
    let position: Int
}

extension DecoderModel {
    package func step(
        _ spans: [TokenSpan], on gang: ComputeGang, receive: (Int, UnsafeBufferPointer<Float>) -> Void
    ) {
        guard let memory else { preconditionFailure("a step before allocateCache") }
        collectRows(spans, memory.cache)
        guard !rows.isEmpty else { return }
        workspace.reset()
        let pass = DecoderPass(model: self, memory: memory, spans: spans, gang: gang)
        pass.embed()
        for layer in weights.layers.indices { pass.run(layer: layer) }
        deliver(pass, spans, on: gang, receive)
    }

    /// Lists the tokens of all spans, and checks what the caller promised.
    private func collectRows(_ spans: [TokenSpan], _ cache: DecoderCache) {
        rows.removeAll(keepingCapacity: true)
        for (index, span) in spans.enumerated() {
            let end = span.startPosition + span.tokens.count
            precondition(
                !span.tokens.isEmpty && span.startPosition >= 0 && end <= properties.contextLengthMax,
                "span \(index): positions \(span.startPosition)..<\(end)")
            precondition(span.logitRowCount <= span.tokens.count, "span \(index): \(span.result)")
            precondition(
                span.pages.count * cache.tokensPerPage >= end, "span \(index): \(span.pages.count) pages for \(end)")
            precondition(
                span.pages.allSatisfy { $0 >= 0 && Int($0) < cache.pageCount }, "span \(index): pages \(span.pages)")
            for (offset, token) in span.tokens.enumerated() {
                precondition(token >= 0 && Int(token) < properties.vocabularySize, "span \(index): token \(token)")
                rows.append(StepRow(span: index, token: token, position: span.startPosition + offset))
            }
        }
    }

    /// Normalises the rows that somebody asked for, multiplies the last ones by the head, and hands all out in order.
    private func deliver(
        _ pass: DecoderPass, _ spans: [TokenSpan], on gang: ComputeGang,
        _ receive: (Int, UnsafeBufferPointer<Float>) -> Void
    ) {
        let hidden = properties.hiddenSize
        let logitRowCount = spans.reduce(0) { $0 + $1.logitRowCount }
        let lastStates = pass.floats(logitRowCount * hidden)
        var row = 0
        var logitRow = 0
        for span in spans {
            row += span.tokens.count
            let count = span.logitRowCount
            guard count > 0 else { continue }
            pass.normalize(rows: row - count..<row, weights.finalNorm, to: lastStates + logitRow * hidden)
            logitRow += count
        }
        let vocabulary = properties.vocabularySize
        let logits = pass.floats(logitRowCount * vocabulary)
        weights.head.multiply(lastStates, rowCount: logitRowCount, into: logits, on: gang)
        if let cap = decoder.logitSoftCap { gang.kernels.softCap(size: logitRowCount * vocabulary, cap, logits) }
        row = 0
        logitRow = 0
        for (index, span) in spans.enumerated() {
            let count = span.tokens.count
            switch span.result {
            case .none: break
            case .logits(let last):
                receive(index, UnsafeBufferPointer(start: logits + logitRow * vocabulary, count: last * vocabulary))
                logitRow += last
            case .hiddenStates:
                let states = pass.floats(count * hidden)
                pass.normalize(rows: row..<row + count, weights.finalNorm, to: states)
                receive(index, UnsafeBufferPointer(start: states, count: count * hidden))
            }
            row += count
        }
    }
}

extension TokenSpan {
    /// How many of its last tokens go through the head.
    fileprivate var logitRowCount: Int { if case .logits(let last) = result { last } else { 0 } }
}
