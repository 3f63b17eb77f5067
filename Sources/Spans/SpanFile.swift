import Glibc
package import Messages
import Synchronization

/// Appends spans to a file, a line of OTLP's JSON for each batch, as collectors read and write them.
///
/// The file is opened for each batch, so that it can be moved away at any time. Only a regular file is written: a pipe
/// waits for its reader, and ends the process when that goes. A disk may wait as well, so each batch is written by a
/// thread of its own, and whoever waits for that may stop to.
package struct SpanFile: SpanDestination {
    package let name = "file"
    private let path: String

    /// - Throws: when the file cannot be written, or is no regular file.
    package init(path: String) throws(SpanSendingError) {
        self.path = path
        close(try open())
    }

    /// - Throws: also when the task is cancelled; the line may be written later all the same.
    package func send(_ request: OTLPExportTraceServiceRequest) async throws(SpanSendingError) -> Int {
        let writing = FileWriting()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                writing.begin(continuation)
                let job = FileJob { writing.end(Result { () throws(SpanSendingError) in try write(request) }) }
                if !job.start() { writing.end(.failure(failure("no thread to write", EAGAIN))) }
            }
        } onCancel: {
            writing.end(.failure(SpanSendingError("\(path) was not written in time", isTransient: true)))
        }
        try result.get()
        return 0
    }

    private func write(_ request: OTLPExportTraceServiceRequest) throws(SpanSendingError) {
        let file = try open()
        defer { close(file) }
        let size = lseek(file, 0, SEEK_END)
        guard append(Array((OTLPJSON.line(request) + "\n").utf8), to: file) else {
            let error = failure("cannot write", errno)
            // Half a line would spoil the next one.
            if size >= 0 { _ = ftruncate(file, size) }
            throw error
        }
    }

    /// - Source: open(2): with O_NONBLOCK, a pipe without a reader is an error at once.
    private func open() throws(SpanSendingError) -> Int32 {
        let file = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o640)
        guard file >= 0 else { throw failure("cannot open", errno) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw SpanSendingError("\(path) is no regular file", isTransient: false)
        }
        return file
    }

    private func append(_ line: [UInt8], to file: Int32) -> Bool {
        line.withUnsafeBytes { line in
            var sent = 0
            while sent < line.count {
                let count = Glibc.write(file, line.baseAddress! + sent, line.count - sent)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }

    private func failure(_ what: String, _ code: Int32) -> SpanSendingError {
        SpanSendingError("\(what) \(path): \(String(cString: strerror(code)))", isTransient: true)
    }
}

/// One batch on its way to a file: written, or not waited for any more, whichever is first.
///
/// - Isolation: any thread.
private final class FileWriting: Sendable {
    typealias Outcome = Result<Void, SpanSendingError>

    private enum State {
        case new
        case awaited(CheckedContinuation<Outcome, Never>)
        case ended(Outcome)
    }

    private let state = Mutex(State.new)

    /// - Precondition: called once.
    func begin(_ continuation: CheckedContinuation<Outcome, Never>) {
        let early: Outcome? = state.withLock { state in
            if case .ended(let outcome) = state { return outcome }
            state = .awaited(continuation)
            return nil
        }
        if let early { continuation.resume(returning: early) }
    }

    /// The first end counts.
    func end(_ outcome: Outcome) {
        let waiter: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            switch state {
            case .new:
                state = .ended(outcome)
                return nil
            case .awaited(let continuation):
                state = .ended(outcome)
                return continuation
            case .ended: return nil
            }
        }
        waiter?.resume(returning: outcome)
    }
}

/// Work for a thread of its own.
private final class FileJob: Sendable {
    private let work: @Sendable () -> Void

    init(_ work: @escaping @Sendable () -> Void) { self.work = work }

    /// False when the system has no thread for it.
    func start() -> Bool {
        var thread = pthread_t()
        let retained = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread, nil,
            { context in
                Unmanaged<FileJob>.fromOpaque(context!).takeRetainedValue().work()
                return nil
            }, retained.toOpaque())
        guard result == 0 else {
            retained.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}
