import Synchronization
import Vocabulary

/// Between the engine thread, which produces a text, and its one reader.
///
/// Bounded: when `bufferedTokenCountMax` tokens wait for the reader, the engine is told to pause the sequence; when the
/// reader takes them, the engine is told to resume it. A cancelled or abandoned pipe tells the engine to stop.
final class GenerationPipe: Sendable {
    /// What the reader asks of the engine.
    enum Request: Sendable { case resume, cancel }

    /// What the engine is to do with the sequence after a push.
    enum Demand: Equatable { case more, pause, nothing }

    fileprivate enum End {
        case open
        case ending(Result<FinishReason, ServingError>)
        case delivered
    }

    fileprivate struct State {
        var text = ""
        var tokens: [Int32] = []
        var usage = Usage()
        var end = End.open
        var isPaused = false
        var reader: CheckedContinuation<Void, Never>?
    }

    private let bufferedTokenCountMax: Int
    private let request: @Sendable (Request) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - bufferedTokenCountMax: at least 1.
    ///   - request: tells the engine; called on the reader's thread, outside the lock.
    init(bufferedTokenCountMax: Int, request: @escaping @Sendable (Request) -> Void) {
        self.bufferedTokenCountMax = bufferedTokenCountMax
        self.request = request
    }

    /// The usage so far.
    var usage: Usage { state.withLock { $0.usage } }

    // MARK: The engine's side

    /// Adds a token and the text it completed.
    func push(text: String, token: Int32, usage: Usage) -> Demand {
        let (demand, reader): (Demand, CheckedContinuation<Void, Never>?) = state.withLock { state in
            guard case .open = state.end else { return (.nothing, nil) }
            state.text += text
            state.tokens.append(token)
            state.usage = usage
            state.isPaused = state.tokens.count >= bufferedTokenCountMax
            // Text is news; tokens that completed no character are delivered with the next text, or to make room.
            guard !text.isEmpty || state.isPaused else { return (.more, nil) }
            return (state.isPaused ? .pause : .more, state.reader.take())
        }
        reader?.resume()
        return demand
    }

    /// Ends the text, with what was held back.
    ///
    /// - Returns: false when it had ended already, by cancellation.
    @discardableResult
    func finish(_ result: Result<FinishReason, ServingError>, text: String = "", usage: Usage? = nil) -> Bool {
        let (isFirst, reader): (Bool, CheckedContinuation<Void, Never>?) = state.withLock { state in
            if let usage { state.usage = usage }
            guard case .open = state.end else { return (false, nil) }
            state.text += text
            state.end = .ending(result)
            return (true, state.reader.take())
        }
        reader?.resume()
        return isFirst
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

    /// Ends the text now, whoever reads it; nothing when it has ended already.
    ///
    /// - Returns: whether this ended it.
    @discardableResult
    func cancel() -> Bool {
        let (isFirst, reader): (Bool, CheckedContinuation<Void, Never>?) = state.withLock { state in
            guard case .open = state.end else { return (false, nil) }
            state.end = .ending(.success(.cancelled))
            state.text = ""
            state.tokens = []
            return (true, state.reader.take())
        }
        // First the request, then the reader: it finds the place in the queue free.
        if isFirst { request(.cancel) }
        reader?.resume()
        return isFirst
    }

    private func take() throws(ServingError) -> GenerationEvent? {
        let (event, resumes): (Result<GenerationEvent?, ServingError>, Bool) = state.withLock { state in
            if !state.text.isEmpty || !state.tokens.isEmpty {
                let event = GenerationEvent.piece(text: state.text, tokens: state.tokens)
                let resumes = state.isPaused
                state.text = ""
                state.tokens = []
                state.isPaused = false
                return (.success(event), resumes)
            }
            guard case .ending(let result) = state.end else { return (.success(nil), false) }
            state.end = .delivered
            let usage = state.usage
            return (result.map { .finished($0, usage) }, false)
        }
        if resumes { request(.resume) }
        return try event.get()
    }
}

extension GenerationPipe.State {
    /// Whether a reader has something to take.
    fileprivate var hasNews: Bool {
        if case .open = end { !text.isEmpty || isPaused } else { true }
    }
}
