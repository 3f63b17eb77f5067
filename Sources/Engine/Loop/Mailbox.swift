import Glibc
import Vocabulary

/// What other threads ask of the engine thread: many senders, one receiver, in order.
///
/// Two kinds of messages, so that the bound never loses one that must arrive: *work* is refused when `capacity`
/// messages wait; a *notice* (cancel, resume, stop) always gets in, and there are at most two of them for a piece of
/// work.
///
/// - Isolation: any thread; `receive` on the engine thread only.
/// - Source: pthread_cond_timedwait(3), pthread_condattr_setclock(3).
final class Mailbox<Message: Sendable>: @unchecked Sendable {
    // @unchecked: `messages` and `isClosedNow` are touched with `mutex` held only; the two pointers never change.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let arrival: UnsafeMutablePointer<pthread_cond_t>
    private let capacity: Int
    private var messages: [Message] = []
    private var isClosedNow = false

    enum Sending { case sent, full, closed }

    init(capacity: Int) {
        self.capacity = capacity
        mutex = .allocate(capacity: 1)
        arrival = .allocate(capacity: 1)
        var attributes = pthread_condattr_t()
        let result =
            pthread_mutex_init(mutex, nil) | pthread_condattr_init(&attributes)
            | pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) | pthread_cond_init(arrival, &attributes)
        precondition(result == 0, "a mutex and a condition variable could not be made")
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(arrival)
        pthread_mutex_destroy(mutex)
        arrival.deallocate()
        mutex.deallocate()
    }

    /// Sends work, which must hold off when there is too much of it.
    func send(work message: Message) -> Sending {
        locked {
            if isClosedNow { return .closed }
            guard messages.count < capacity else { return .full }
            append(message)
            return .sent
        }
    }

    /// Takes the newest work back that nobody has received yet; false when there is none.
    ///
    /// - Complexity: O(messages); from the newest on, since what is taken back is mostly what has just been sent.
    func withdraw(where isWithdrawn: (Message) -> Bool) -> Bool {
        locked {
            guard let index = messages.lastIndex(where: isWithdrawn) else { return false }
            messages.remove(at: index)
            return true
        }
    }

    /// Sends a notice; false when the mailbox is closed and nobody would read it.
    @discardableResult
    func send(notice message: Message) -> Bool {
        locked {
            guard !isClosedNow else { return false }
            append(message)
            return true
        }
    }

    /// Sends the last notice: everything after it is refused, what came before it can still be received.
    ///
    /// - Returns: false when there was a last one already.
    @discardableResult
    func close(with message: Message) -> Bool {
        locked {
            guard !isClosedNow else { return false }
            append(message)
            isClosedNow = true
            return true
        }
    }

    /// Messages that nobody has received yet.
    var messageCount: Int { locked { messages.count } }

    /// Whether everything is refused.
    var isClosed: Bool { locked { isClosedNow } }

    /// Takes everything that is there; waits for the first message if there is none.
    ///
    /// - Parameter timeoutNanoseconds: the longest wait; nil waits for ever, 0 does not wait.
    /// - Returns: the messages in the order they were sent; empty after the timeout.
    func receive(timeoutNanoseconds: UInt64?) -> [Message] {
        let limit = timeoutNanoseconds.map { SystemClock().now().advanced(byNanoseconds: $0) }
        return locked {
            while messages.isEmpty {
                guard let limit else {
                    pthread_cond_wait(arrival, mutex)
                    continue
                }
                guard timeoutNanoseconds != 0, SystemClock().now() < limit else { break }
                var time = timespec(
                    tv_sec: Int(limit.nanoseconds / 1_000_000_000), tv_nsec: Int(limit.nanoseconds % 1_000_000_000))
                pthread_cond_timedwait(arrival, mutex, &time)
            }
            defer { messages.removeAll(keepingCapacity: true) }
            return messages
        }
    }

    private func append(_ message: Message) {
        messages.append(message)
        if messages.count == 1 { pthread_cond_signal(arrival) }
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
