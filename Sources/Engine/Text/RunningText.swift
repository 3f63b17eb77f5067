import Constraints
import Models
import Scheduling
import TextModels
import Tokenizers
import Vocabulary

/// A sequence in the hands of the engine thread: its tokens, and what is being made of them.
///
/// - Isolation: engine thread only.
final class RunningText {
    let request: PendingSequence
    /// Prompt and generated tokens.
    private(set) var tokens: [Int32]
    var usage = Usage()
    /// Its part, by tokens, of the time of the steps it was in.
    var ownComputeNanoseconds: UInt64 = 0
    /// Whether it has been admitted before.
    var hasStarted = false
    private var sampler: Sampler
    private let scratch: SamplerScratch
    private var decoder: IncrementalDecoder
    private let tokenizer: any Tokenizer
    private let endOfSequence: Set<Int32>
    private var stopStrings: StopStrings?
    /// What the answer has to look like, and where it is in that.
    private var constraint: (constraint: Constraint, position: Constraint.Position)?
    /// What this step wrote, not yet handed out: one token, and one more for each guess that came true.
    private var written: [Written] = []
    /// Whether no token goes on behind what was written.
    private var isStuck = false
    /// Sums of the hidden states of the tokens computed so far, `[hiddenSize]`.
    private var hiddenSums: [Float] = []

    /// A token that was chosen, and what it does to the answer.
    private struct Written {
        let token: Int32
        /// Text and probabilities for the reader; nil of a token that only ends the answer.
        var piece: (text: String, logprobs: TokenLogprobs?)?
        /// How the answer ends with it, and the text that had waited for more; nil when it goes on.
        var end: (reason: FinishReason, text: String)?
    }

    /// What became of a sequence whose tokens are all computed.
    enum Advance {
        /// With the tokens that were written.
        case goesOn([Int32])
        /// Likewise, but its reader is slow: it goes on when it is resumed.
        case pauses([Int32])
        /// To be published once its pages are free, so that whoever has the answer finds them free; false when nobody
        /// waits for it any more.
        case ended(publish: () -> Bool)
        /// Likewise, for an answer that cannot go on.
        case failed(ServingError)
        /// Its reader has gone away.
        case abandoned
    }

    /// - Parameters:
    ///   - request: for it.
    ///   - tokenizer: of the model.
    ///   - endOfSequence: the tokens with which the model ends a text.
    ///   - scratch: what all sequences of the thread share.
    init(
        _ request: PendingSequence, tokenizer: any Tokenizer, endOfSequence: Set<Int32>, scratch: SamplerScratch
    ) {
        self.request = request
        self.scratch = scratch
        self.tokenizer = tokenizer
        self.endOfSequence = endOfSequence
        tokens = request.promptTokens
        usage.promptTokenCount = tokens.count
        // Behind a prompt of special tokens only the text begins, elsewhere it goes on.
        let begins = tokens.allSatisfy { tokenizer.bytes(of: $0).isEmpty }
        decoder = begins ? IncrementalDecoder(tokenizer) : IncrementalDecoder(continuing: tokenizer)
        switch request.work {
        case .generate(let generation):
            sampler = Sampler(
                generation.sampling, prompt: request.promptTokens, tokenCountMax: request.tokenCountMax)
            stopStrings = generation.stopStrings
            if let wanted = generation.constraint {
                let spaceCount = begins ? tokenizer.leadingSpaceCount : 0
                constraint = (wanted, wanted.start(droppedSpaceCount: spaceCount))
            }
        case .embed:
            sampler = Sampler(.greedy)
        }
    }

    /// Tokens that this step has written.
    var writtenTokenCount: Int { written.count }

    /// What it wants back for a span.
    func result(of span: ScheduledSpan) -> TokenStepResult {
        switch request.work {
        case .generate: span.reachesEnd ? .logits(last: 1 + span.guesses.count) : .none
        case .embed: .hiddenStates
        }
    }

    /// Says what it has cost so far, for a reader that goes away before the first token.
    func noteUsage() {
        switch request.work {
        case .generate(let generation): generation.pipe.note(usage, of: generation.answer)
        case .embed(let embedding): embedding.note(usage)
        }
    }

    /// Forgets what was computed, because its pages were taken away.
    func restart() {
        hiddenSums = []
    }

    /// Takes the result of a span: chooses the next tokens, or adds up hidden states.
    ///
    /// - Parameters:
    ///   - values: `[1 + guesses.count, vocabularySize]` logits or `[tokenCount, hiddenSize]` states.
    ///   - span: what they are of.
    func receive(_ values: UnsafeBufferPointer<Float>, of span: ScheduledSpan) {
        switch request.work {
        case .generate(let generation):
            let size = values.count / (1 + span.guesses.count)
            for place in 0...span.guesses.count {
                let logits = UnsafeBufferPointer(rebasing: values[place * size..<(place + 1) * size])
                guard let next = write(logits, for: generation) else {
                    isStuck = true
                    return
                }
                written.append(next)
                // What follows was computed for the guess, so it counts only if the guess was right.
                guard next.end == nil, place < span.guesses.count, span.guesses[place] == next.token else { return }
            }
        case .embed:
            // Token by token, in order: the sums have the same bits however the text was cut into steps.
            let hiddenSize = values.count / span.positions.count
            if hiddenSums.isEmpty { hiddenSums = [Float](repeating: 0, count: hiddenSize) }
            for token in 0..<span.positions.count {
                for index in 0..<hiddenSize { hiddenSums[index] += values[token * hiddenSize + index] }
            }
        }
    }

    /// Chooses the next token and goes on by it; nil when none goes on as the answer has to.
    private func write(_ logits: UnsafeBufferPointer<Float>, for generation: PendingSequence.Generation) -> Written? {
        let mask = constraint.map {
            $0.constraint.mask(at: $0.position, allowsEnd: !generation.ignoresEndOfSequence)
        }
        if let mask, mask.first == nil { return nil }
        let token = sampler.sample(logits, allowed: mask, with: scratch)
        tokens.append(token)
        if endOfSequence.contains(token), !generation.ignoresEndOfSequence {
            return Written(token: token, end: (.endOfSequence, heldBack()))
        }
        if generation.stopTokens.contains(token) { return Written(token: token, end: (.stop, heldBack())) }
        let text = decoder.append(token)
        let progress = stopStrings?.append(text)
        var next = Written(token: token)
        next.piece = (
            progress?.text ?? text, generation.logprobCount.map { TokenLogprobs(of: token, topCount: $0, in: logits) }
        )
        if progress?.isStopped == true {
            next.end = (.stop, "")
        } else if follow(token) {
            next.end = (.endOfSequence, heldBack())
        } else if tokens.count == request.tokenCountMax {
            next.end = (.length, heldBack())
        }
        return next
    }

    /// Hands out what came of the last span of the sequence.
    func advance() -> Advance {
        switch request.work {
        case .embed(let embedding):
            let scale = 1 / Float(tokens.count)
            let mean = hiddenSums.map { $0 * scale }
            noteUsage()
            return .ended { embedding.completion.complete(.success(mean)) }
        case .generate(let generation):
            precondition(!written.isEmpty || isStuck, "no logits came for \(request.ticket)")
            defer { written.removeAll(keepingCapacity: true) }
            var demand = GenerationPipe.Demand.more
            for next in written {
                usage.generatedTokenCount += 1
                if let piece = next.piece {
                    demand = generation.pipe.push(
                        answer: generation.answer, text: piece.text, token: next.token, logprobs: piece.logprobs,
                        usage: usage)
                }
                if let end = next.end {
                    return .ended { [usage] in
                        generation.pipe.finish(
                            answer: generation.answer, .success(end.reason), text: end.text, usage: usage)
                    }
                }
            }
            if isStuck { return .failed(.noTokenGoesOn) }
            return switch demand {
            case .more: .goesOn(written.map(\.token))
            case .pause: .pauses(written.map(\.token))
            case .nothing: .abandoned
            }
        }
    }

    /// Goes on in the constraint, if there is one; whether the answer is complete and cannot go on.
    private func follow(_ token: Int32) -> Bool {
        guard constraint != nil else { return false }
        constraint!.constraint.advance(&constraint!.position, by: tokenizer.bytes(of: token))
        return constraint!.constraint.isFinished(constraint!.position)
    }

    /// The text that waited for more: half a character, or what might have become a stop string.
    private func heldBack() -> String {
        let rest = decoder.finish()
        guard let progress = stopStrings?.append(rest) else { return rest }
        return progress.isStopped ? progress.text : progress.text + (stopStrings?.finish() ?? "")
    }
}
