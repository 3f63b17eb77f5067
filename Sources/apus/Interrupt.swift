import Dispatch
import Foundation
import Synchronization

/// Ctrl-C, or a polite kill, ended the work.
struct InterruptError: Error {
    let signal: Int32

    /// What a shell expects of a command that a signal ended.
    var exitCode: Int32 { 128 + signal }
}

/// Runs `body` in a task that Ctrl-C (SIGINT) or SIGTERM cancels; the second one ends the process at once.
///
/// - Throws: what `body` throws, or `InterruptError` when it threw after the signal.
func cancelledByInterrupt(_ body: @escaping @Sendable () async throws -> Void) async throws {
    let task = Task { try await body() }
    let received = Mutex<Int32?>(nil)
    let sources = [SIGINT, SIGTERM].map { number in
        // Ignored, so that the default action does not end the process before the source hears of it.
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
            let isSecond = received.withLock { received in
                defer { received = number }
                return received != nil
            }
            if isSecond { _exit(128 + number) }
            task.cancel()
        }
        source.resume()
        return source
    }
    defer { for source in sources { source.cancel() } }
    do {
        try await task.value
    } catch {
        if let signal = received.withLock({ $0 }) { throw InterruptError(signal: signal) }
        throw error
    }
}
