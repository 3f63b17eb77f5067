import Vocabulary

/// Messages in order; usually there is one, and then no array is needed.
///
/// Bounded by its owner: what it holds is what a stream's window lets the peer send ahead.
struct MessageQueue {
    /// The oldest message.
    private(set) var first: FramedMessage?
    private var rest: [FramedMessage] = []
    private var restStart = 0

    var isEmpty: Bool { first == nil }

    mutating func append(_ message: FramedMessage) {
        if first == nil { first = message } else { rest.append(message) }
    }

    mutating func popFirst() -> FramedMessage? {
        guard let message = first else { return nil }
        guard restStart < rest.count else {
            first = nil
            return message
        }
        first = rest[restStart]
        rest[restStart] = FramedMessage(Bytes())
        restStart += 1
        // Forget taken places once they are the larger half, so that each is moved at most once on average.
        if restStart * 2 >= rest.count {
            rest.removeFirst(restStart)
            restStart = 0
        }
        return message
    }

    mutating func removeAll() { self = MessageQueue() }
}
