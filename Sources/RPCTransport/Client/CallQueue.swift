import RPC

/// Calls that wait for a connection, first come first served.
struct CallQueue {
    private var calls: [ClientCall?] = []
    /// Taken so far from the front of `calls`; these places are nil.
    private var start = 0

    var count: Int { calls.count - start }
    var isEmpty: Bool { start == calls.count }
    var first: ClientCall? { isEmpty ? nil : calls[start] }

    mutating func append(_ call: ClientCall) { calls.append(call) }

    /// Forgets the first call; nothing when there is none.
    mutating func removeFirst() {
        guard !isEmpty else { return }
        calls[start] = nil
        start += 1
        // Once the taken places are the larger half, so that each call is moved at most once on average.
        if start * 2 >= calls.count {
            calls.removeFirst(start)
            start = 0
        }
    }

    /// - Complexity: O(n) for n calls that wait: for those that give up.
    mutating func remove(_ call: ClientCall) {
        if first === call { return removeFirst() }
        guard let index = calls[start...].firstIndex(where: { $0 === call }) else { return }
        calls.remove(at: index)
    }

    /// Takes out the calls that satisfy `condition`, in order.
    mutating func removeAll(where condition: (ClientCall) -> Bool) -> [ClientCall] {
        let all = calls[start...].compactMap { $0 }
        calls = all.filter { !condition($0) }
        start = 0
        return all.filter(condition)
    }
}
