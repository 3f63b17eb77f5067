import Constraints
import Models
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
    /// Whether it has been admitted before.
    var hasStarted = false
    private var sampler: Sampler
    private let scratch: SamplerScratch
    private var decoder: IncrementalDecoder
    private let tokenizer: any Tokenizer
    private var stopStrings: StopStrings?
    /// What the answer has to look like, and where it is in that.
    private var constraint: (constraint: Constraint, position: Constraint.Position)?
    /// The token that was chosen in this step.
    private var chosen: Choice?
    /// Sums of the hidden states of the tokens computed so far, `[hiddenSize]`.
    private var hiddenSums: [Float] = []

    /// A token, and how likely it was if that was asked for.
    private struct Choice {
        let token: Int32
        let logprobs: TokenLogprobs?
    }

    /// What became of a sequence whose tokens are all computed.
    enum Advance {
        case goesOn
        /// Its reader is slow: it goes on when it is resumed.
        case pauses
        /// To be published once its pages are free, so that whoever has the answer finds them free.
        case ended(publish: () -> Void)
        /// Likewise, for an answer that cannot go on.
        case failed(ServingError)
    }

    /// `scratch` is what all sequences of the thread share.
    init(_ request: PendingSequence, tokenizer: any Tokenizer, scratch: SamplerScratch) {
        self.request = request
        self.scratch = scratch
        self.tokenizer = tokenizer
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

    /// What it wants back for a span.
    func result(reachesEnd: Bool) -> TokenStepResult {
        switch request.work {
        case .generate: reachesEnd ? .lastLogits : .none
        case .embed: .hiddenStates
        }
    }

    /// Forgets what was computed, because its pages were taken away.
    func restart() {
        hiddenSums = []
    }

    /// Takes the result of a span: chooses the next token, or adds up hidden states.
    func receive(_ values: UnsafeBufferPointer<Float>, tokenCount: Int) {
        switch request.work {
        case .generate(let generation):
            chosen = choose(values, for: generation)
        case .embed:
            // Token by token, in order: the sums have the same bits however the text was cut into steps.
            let hiddenSize = values.count / tokenCount
            if hiddenSums.isEmpty { hiddenSums = [Float](repeating: 0, count: hiddenSize) }
            for token in 0..<tokenCount {
                for index in 0..<hiddenSize { hiddenSums[index] += values[token * hiddenSize + index] }
            }
        }
    }

    /// Chooses the next token; nil when none goes on as the answer has to.
    private func choose(
        _ logits: UnsafeBufferPointer<Float>, for generation: PendingSequence.Generation
    ) -> Choice? {
        let mask = constraint.map {
            $0.constraint.mask(at: $0.position, allowsEnd: !generation.ignoresEndOfSequence)
        }
        if let mask, mask.first == nil { return nil }
        let token = sampler.sample(logits, allowed: mask, with: scratch)
        return Choice(
            token: token,
            logprobs: generation.logprobCount.map { TokenLogprobs(of: token, topCount: $0, in: logits) })
    }

    /// Hands out what came of the last span of the sequence.
    func advance(endOfSequence: Set<Int32>) -> Advance {
        switch request.work {
        case .embed(let completion):
            let scale = 1 / Float(tokens.count)
            let mean = hiddenSums.map { $0 * scale }
            return .ended { [usage] in completion.complete(.success((mean: mean, usage: usage))) }
        case .generate(let generation):
            guard let choice = chosen else {
                precondition(constraint != nil, "no logits came for \(request.ticket)")
                return .failed(.noTokenGoesOn)
            }
            chosen = nil
            tokens.append(choice.token)
            usage.generatedTokenCount += 1
            if endOfSequence.contains(choice.token), !generation.ignoresEndOfSequence {
                return end(generation, .endOfSequence, text: heldBack())
            }
            if generation.stopTokens.contains(choice.token) { return end(generation, .stop, text: heldBack()) }
            return handOut(choice, to: generation)
        }
    }

    private func handOut(_ choice: Choice, to generation: PendingSequence.Generation) -> Advance {
        let text = decoder.append(choice.token)
        let progress = stopStrings?.append(text)
        let demand = generation.pipe.push(
            answer: generation.answer, text: progress?.text ?? text, token: choice.token, logprobs: choice.logprobs,
            usage: usage)
        if progress?.isStopped == true {
            return end(generation, .stop, text: "")
        }
        if follow(choice.token) { return end(generation, .endOfSequence, text: heldBack()) }
        if tokens.count == request.tokenCountMax {
            return end(generation, .length, text: heldBack())
        }
        return switch demand {
        case .more: .goesOn
        case .pause: .pauses
        case .nothing: .ended {}
        }
    }

    /// Goes on in the constraint, if there is one; whether the answer is complete and cannot go on.
    private func follow(_ token: Int32) -> Bool {
        guard constraint != nil else { return false }
        constraint!.constraint.advance(&constraint!.position, by: tokenizer.bytes(of: token))
        return constraint!.constraint.isFinished(constraint!.position)
    }

    private func end(_ generation: PendingSequence.Generation, _ reason: FinishReason, text: String) -> Advance {
        .ended { [usage] in
            generation.pipe.finish(answer: generation.answer, .success(reason), text: text, usage: usage)
        }
    }

    /// The text that waited for more: half a character, or what might have become a stop string.
    private func heldBack() -> String {
        let rest = decoder.finish()
        guard let progress = stopStrings?.append(rest) else { return rest }
        return progress.isStopped ? progress.text : progress.text + (stopStrings?.finish() ?? "")
    }
}
