import Synchronization
import TextModels
import Vocabulary

/// Between the engine thread, which produces the answers to a prompt, and their one reader.
///
/// Bounded: when `bufferedTokenCountMax` tokens of an answer wait for the reader, the engine is told to pause its
/// sequence; when the reader takes them, the engine is told to resume it. A cancelled or abandoned pipe tells the
/// engine to stop all of them; an answer that fails ends the others too.
final class GenerationPipe: Sendable {
    /// What the reader asks of the engine: to go on with one answer, or to stop all.
    enum Request: Sendable, Equatable {
        case resume(answer: Int)
        case cancel
    }

    /// What the engine is to do with the sequence after a push.
    enum Demand: Equatable { case more, pause, nothing }

    private let bufferedTokenCountMax: Int
    private let request: @Sendable (Request) -> Void
    private let state: Mutex<State>

    /// - Parameters:
    ///   - answerCount: at least 1.
    ///   - bufferedTokenCountMax: at least 1.
    ///   - request: tells the engine; called on the reader's thread, outside the lock.
    init(
        answerCount: Int = 1, bufferedTokenCountMax: Int, request: @escaping @Sendable (Request) -> Void
    ) {
        self.bufferedTokenCountMax = bufferedTokenCountMax
        self.request = request
        state = Mutex(State(answers: (0..<answerCount).map { Answer(piece: GenerationPiece(answer: $0)) }))
    }

    /// The usage so far.
    var usage: Usage { state.withLock { $0.usage } }

    // MARK: The engine's side

    /// Adds a token of an answer and the text it completed.
    func push(
        answer: Int = 0, text: String, token: Int32, logprobs: TokenLogprobs? = nil, usage: Usage
    ) -> Demand {
        let (demand, reader): (Demand, CheckedContinuation<Void, Never>?) = state.withLock { state in
            guard case .open = state.answers[answer].end else { return (.nothing, nil) }
            let isPaused = state.answers[answer].add(text, token, logprobs, usage, countMax: bufferedTokenCountMax)
            // Text is news; tokens that completed no character are delivered with the next text, or to make room.
            guard !text.isEmpty || isPaused else { return (.more, nil) }
            return (isPaused ? .pause : .more, state.reader.take())
        }
        reader?.resume()
        return demand
    }

    /// Notes what an answer has cost before it has a token; whoever cancels it owes that.
    func note(_ usage: Usage, of answer: Int) { state.withLock { $0.answers[answer].usage = usage } }

    /// Ends an answer, with what was held back; an error ends them all.
    ///
    /// - Returns: false when it had ended already, by cancellation or by the error of another.
    @discardableResult
    func finish(
        answer: Int = 0, _ result: Result<FinishReason, ServingError>, text: String = "", usage: Usage? = nil
    ) -> Bool {
        typealias Ended = (isFirst: Bool, endsOthers: Bool, reader: CheckedContinuation<Void, Never>?)
        let ended: Ended = state.withLock { state in
            if let usage { state.answers[answer].usage = usage }
            guard case .open = state.answers[answer].end else { return (false, false, nil) }
            state.answers[answer].piece.text += text
            var endsOthers = false
            switch result {
            case .success(let reason): state.answers[answer].end = .ending(reason)
            case .failure(let error): endsOthers = state.fail(error)
            }
            return (true, endsOthers, state.reader.take())
        }
        if ended.endsOthers { request(.cancel) }
        ended.reader?.resume()
        return ended.isFirst
    }

    // MARK: The reader's side

    /// The next event; nil after the last one.
    func next() async throws(ServingError) -> GenerationEvent? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    precondition(state.reader == nil, "two readers of one generation stream")
                    if state.hasNews { return true }
                    state.reader = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            cancel()
        }
        return try take()
    }

    /// Ends the answers now, whoever reads them; nothing when they have ended already.
    ///
    /// - Returns: whether this ended one.
    @discardableResult
    func cancel() -> Bool {
        let (isFirst, reader): (Bool, CheckedContinuation<Void, Never>?) = state.withLock { state in
            guard state.cancel() else { return (false, nil) }
            return (true, state.reader.take())
        }
        // First the request, then the reader: it finds the place in the queue free.
        if isFirst { request(.cancel) }
        reader?.resume()
        return isFirst
    }

    private func take() throws(ServingError) -> GenerationEvent? {
        let (event, resumed) = state.withLock { $0.take() }
        if let resumed { request(.resume(answer: resumed)) }
        return try event.get()
    }
}

extension GenerationPipe {
    fileprivate enum End {
        case open
        case ending(FinishReason)
        case delivered
    }

    /// What waits of one answer.
    fileprivate struct Answer {
        var piece: GenerationPiece
        var usage = Usage()
        var end = End.open
        var isPaused = false

        /// - Returns: whether its sequence is to pause.
        mutating func add(
            _ text: String, _ token: Int32, _ logprobs: TokenLogprobs?, _ usage: Usage, countMax: Int
        ) -> Bool {
            piece.text += text
            piece.tokens.append(token)
            if let logprobs { piece.logprobs.append(logprobs) }
            self.usage = usage
            isPaused = piece.tokens.count >= countMax
            return isPaused
        }

        mutating func dropPiece() { piece = GenerationPiece(answer: piece.answer) }

        var isOpen: Bool { if case .open = end { true } else { false } }
        /// Whether a reader has something to take.
        var hasNews: Bool {
            switch end {
            case .open: !piece.text.isEmpty || isPaused
            case .ending: true
            case .delivered: false
            }
        }
    }

    fileprivate struct State {
        var answers: [Answer]
        /// Thrown once everything written before it was delivered.
        var failure: ServingError?
        var reader: CheckedContinuation<Void, Never>?
        /// The answer that is looked at first, so that each gets its turn.
        var turn = 0

        var usage: Usage { Usage(answers: answers.map(\.usage)) }
        var hasNews: Bool {
            failure != nil || answers.contains(where: \.hasNews) || !answers.contains(where: \.isOpen)
        }

        /// - Returns: whether others were open, whose sequences are to end.
        mutating func fail(_ error: ServingError) -> Bool {
            failure = error
            let open = answers.indices.filter { answers[$0].isOpen }
            for index in open { answers[index].end = .delivered }
            return open.count > 1
        }

        /// - Returns: whether one was open.
        mutating func cancel() -> Bool {
            guard answers.contains(where: \.isOpen) else { return false }
            for index in answers.indices {
                answers[index].dropPiece()
                if answers[index].isOpen { answers[index].end = .ending(.cancelled) }
            }
            return true
        }

        /// The next event, and the answer whose sequence may go on.
        mutating func take() -> (Result<GenerationEvent?, ServingError>, resumed: Int?) {
            for offset in answers.indices {
                let index = (turn + offset) % answers.count
                guard answers[index].hasNews || failure != nil else { continue }
                if !answers[index].piece.isEmpty {
                    let piece = answers[index].piece
                    let resumed = answers[index].isPaused && answers[index].isOpen ? index : nil
                    answers[index].dropPiece()
                    answers[index].isPaused = false
                    turn = index + 1
                    return (.success(.piece(piece)), resumed)
                }
                guard case .ending(let reason) = answers[index].end else { continue }
                answers[index].end = .delivered
                turn = index + 1
                return (.success(.finished(reason, usage, answer: index)), nil)
            }
            guard let error = failure.take() else { return (.success(nil), nil) }
            return (.failure(error), nil)
        }
    }
}
