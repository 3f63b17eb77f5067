import Messages
import Synchronization
import Vocabulary

/// The answers to a stream of requests that are worked on at the same time, in the order of the requests.
///
/// At most `inFlightCountMax` requests, `inFlightByteCountMax` bytes of them and `answerByteCountMax` bytes of answers,
/// unless a single one has more, are worked on or wait to be written: then the reader waits with the next request, and
/// the caller with it. An answer counts with the most that it can have, because a caller that does not read may have
/// all of them wait.
///
/// - Isolation: any thread; one short lock.
final class StreamWindow<Response: Sendable>: Sendable {
    /// As many as fill a few executions.
    static var inFlightCountMax: Int { 64 }
    static var inFlightByteCountMax: Int { 4 << 20 }
    /// As large as one answer may be.
    static var answerByteCountMax: Int { 32 << 20 }

    /// What a request holds, and its answer.
    struct Size {
        var request: Int
        var answer = 0

        static func += (sum: inout Size, size: Size) {
            (sum.request, sum.answer) = (sum.request + size.request, sum.answer + size.answer)
        }
        static func -= (sum: inout Size, size: Size) {
            (sum.request, sum.answer) = (sum.request - size.request, sum.answer - size.answer)
        }
    }

    private struct State {
        var readCount = 0
        var writtenCount = 0
        /// Of the requests whose answers are not written, and of each of them by its number.
        var size = Size(request: 0)
        var sizes: [Int: Size] = [:]
        var answers: [Int: Result<Response, any Error>] = [:]
        /// How the requests ended, once they have.
        var ending: Result<Void, any Error>?
        var isClosed = false
        var reader: CheckedContinuation<Void, Never>?
        var writer: CheckedContinuation<Void, Never>?

        func hasRoom(for more: Size) -> Bool {
            let inFlightCount = readCount - writtenCount
            return inFlightCount == 0
                || inFlightCount < StreamWindow.inFlightCountMax
                    && size.request + more.request <= StreamWindow.inFlightByteCountMax
                    && size.answer + more.answer <= StreamWindow.answerByteCountMax
        }
    }

    private let state = Mutex(State())

    /// Makes room for one more request, and gives its number; nil when nobody writes answers any more.
    func admit(_ size: Size) async -> Int? {
        while true {
            let admission: (isClosed: Bool, number: Int?) = state.withLock { state in
                guard !state.isClosed else { return (true, nil) }
                guard state.hasRoom(for: size) else { return (false, nil) }
                state.size += size
                state.sizes[state.readCount] = size
                state.readCount += 1
                return (false, state.readCount - 1)
            }
            if admission.isClosed { return nil }
            if let number = admission.number { return number }
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    guard !state.hasRoom(for: size), !state.isClosed else { return true }
                    state.reader = continuation
                    return false
                }
                if isOpen { continuation.resume() }
            }
        }
    }

    /// The answer to the request of a number, or why there is none.
    func answer(_ number: Int, _ answer: Result<Response, any Error>) {
        state.withLock { state in
            state.answers[number] = answer
            return state.writer.take()
        }?.resume()
    }

    /// The requests have ended.
    func end(_ ending: Result<Void, any Error>) {
        state.withLock { state in
            state.ending = ending
            return state.writer.take()
        }?.resume()
    }

    /// The next answer in the order of the requests; nil behind the last.
    ///
    /// - Throws: why there is no answer, or why the requests ended.
    func next() async throws -> Response? {
        while true {
            let (answer, ending, reader) = state.withLock { state in
                guard let answer = state.answers.removeValue(forKey: state.writtenCount) else {
                    let isLast = state.writtenCount == state.readCount
                    return (
                        nil as Result<Response, any Error>?, isLast ? state.ending : nil,
                        nil as CheckedContinuation<Void, Never>?
                    )
                }
                if let size = state.sizes.removeValue(forKey: state.writtenCount) { state.size -= size }
                state.writtenCount += 1
                return (answer, nil, state.reader.take())
            }
            reader?.resume()
            if let answer { return try answer.get() }
            if let ending {
                try ending.get()
                return nil
            }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    let isLast = state.writtenCount == state.readCount && state.ending != nil
                    guard state.answers[state.writtenCount] == nil, !isLast else { return true }
                    state.writer = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    /// Nobody writes answers any more.
    func close() {
        state.withLock { state in
            state.isClosed = true
            return state.reader.take()
        }?.resume()
    }
}

/// A request of which several of a stream are worked on at the same time.
protocol StreamedRequest: Message {
    /// About what it holds in memory.
    var heldByteCount: Int { get }
}

extension TEIEmbedRequest: StreamedRequest {
    var heldByteCount: Int { inputs.utf8.count }
}

extension TEIEmbedAllRequest: StreamedRequest {
    var heldByteCount: Int { inputs.utf8.count }
}

extension TEIEncodeRequest: StreamedRequest {
    var heldByteCount: Int { inputs.utf8.count }
}

extension TEIDecodeRequest: StreamedRequest {
    var heldByteCount: Int { ids.count * MemoryLayout<UInt32>.stride }
}

extension MessageReader where Request: StreamedRequest {
    /// Answers every request by `answer`, several at the same time, and writes the answers in their order.
    ///
    /// - Parameters:
    ///   - writer: takes the answers.
    ///   - answerByteCount: the most that the answer to a request has; nothing worth counting when absent.
    ///   - answer: answers one.
    /// - Throws: what the first `answer` throws that fails; what `next` and `write` throw.
    func answerEach<Response: Message>(
        to writer: MessageWriter<Response>, answerByteCount: @escaping @Sendable (Request) -> Int = { _ in 0 },
        _ answer: @escaping @Sendable (Request) async throws -> Response
    ) async throws {
        let window = StreamWindow<Response>()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await withDiscardingTaskGroup { workers in
                    do {
                        while let request = try await self.next(),
                            let number = await window.admit(
                                .init(request: request.heldByteCount, answer: answerByteCount(request)))
                        {
                            workers.addTask {
                                do {
                                    window.answer(number, .success(try await answer(request)))
                                } catch {
                                    window.answer(number, .failure(error))
                                }
                            }
                        }
                        window.end(.success(()))
                    } catch {
                        window.end(.failure(error))
                    }
                }
            }
            // Whatever ends the answers ends the requests and the work on them.
            defer {
                window.close()
                group.cancelAll()
            }
            while let response = try await window.next() { try await writer.write(response) }
        }
    }
}
