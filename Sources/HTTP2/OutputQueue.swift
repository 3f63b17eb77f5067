import Vocabulary

/// Frames on their way to the transport: what is short is copied one behind the other, long payloads stay where they
/// are.
///
/// The owner calls `deallocate`.
struct OutputQueue {
    /// Payloads from here on are not copied: below, a piece of its own costs more than the copy.
    static let referencedByteCountMin = 8 << 10
    /// Pieces that are handed out at once: what a turn has to say, in frames of 16 KiB.
    ///
    /// Why so many: each system call makes a packet of its own, and may wake the peer up for it.
    static let pieceCountMax = 128

    /// A long payload, and how many bytes were ever copied before it.
    private struct Payload {
        let data: Bytes
        let copiedByteCount: UInt64
    }

    private var copied = ByteQueue()
    /// Bytes that were ever copied, and those of them that are gone.
    private var copiedByteCount: UInt64 = 0
    private var removedByteCount: UInt64 = 0
    /// The payloads before `head` are gone.
    private var payloads: [Payload] = []
    private var head = 0
    /// Bytes of the first payload that are gone.
    private var headOffset = 0

    /// The number of bytes not yet removed.
    private(set) var count = 0

    /// Appends a copy of `bytes`.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        copied.append(bytes)
        copiedByteCount &+= UInt64(bytes.count)
        count += bytes.count
    }

    /// Appends `data`, which is not empty, without copying it.
    mutating func append(referencing data: Bytes) {
        payloads.append(Payload(data: data, copiedByteCount: copiedByteCount))
        count += data.count
    }

    /// Hands the bytes to `body` in order, in as few pieces as they are in, and removes as many as it returns.
    ///
    /// - Returns: whether it took all that it was handed.
    mutating func take(_ body: (UnsafeBufferPointer<UnsafeRawBufferPointer>) -> Int) -> Bool {
        // What nearly every turn has: a few short frames.
        if head == payloads.count {
            let taken = withUnsafePointer(to: copied.bytes) { body(UnsafeBufferPointer(start: $0, count: 1)) }
            let isAll = taken == copied.count
            removeCopied(taken)
            count -= taken
            return isAll
        }
        return withUnsafeTemporaryAllocation(of: UnsafeRawBufferPointer.self, capacity: Self.pieceCountMax) { pieces in
            let pieceCount = gather(pieces)
            let handed = pieces[..<pieceCount].reduce(0) { $0 + $1.count }
            let taken = body(UnsafeBufferPointer(rebasing: pieces[..<pieceCount]))
            removeFirst(taken)
            return taken == handed
        }
    }

    /// Writes down where the first bytes are, and in how many pieces.
    private func gather(_ pieces: UnsafeMutableBufferPointer<UnsafeRawBufferPointer>) -> Int {
        var pieceCount = 0
        var offset = 0
        for index in head..<payloads.count {
            guard pieceCount + 2 <= pieces.count else { return pieceCount }
            let payload = payloads[index]
            let before = Int(payload.copiedByteCount &- removedByteCount)
            if before > offset {
                pieces.initializeElement(
                    at: pieceCount, to: UnsafeRawBufferPointer(rebasing: copied.bytes[offset..<before]))
                pieceCount += 1
                offset = before
            }
            // The pointer outlives the closure: `payloads` keeps what it points into.
            let whole = payload.data.withUnsafeBytes { $0 }
            pieces.initializeElement(
                at: pieceCount, to: index == head ? UnsafeRawBufferPointer(rebasing: whole[headOffset...]) : whole)
            pieceCount += 1
        }
        if offset < copied.count, pieceCount < pieces.count {
            pieces.initializeElement(at: pieceCount, to: UnsafeRawBufferPointer(rebasing: copied.bytes[offset...]))
            pieceCount += 1
        }
        return pieceCount
    }

    private mutating func removeFirst(_ byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count, "removing \(byteCount) of \(count) bytes")
        count -= byteCount
        var rest = byteCount
        while rest > 0, head < payloads.count {
            let payload = payloads[head]
            let before = min(Int(payload.copiedByteCount &- removedByteCount), rest)
            removeCopied(before)
            rest -= before
            let taken = min(payload.data.count - headOffset, rest)
            rest -= taken
            headOffset += taken
            if headOffset == payload.data.count { removePayload() }
        }
        removeCopied(rest)
    }

    private mutating func removeCopied(_ byteCount: Int) {
        copied.removeFirst(byteCount)
        removedByteCount &+= UInt64(byteCount)
    }

    private mutating func removePayload() {
        headOffset = 0
        payloads[head] = Payload(data: Bytes(), copiedByteCount: 0)
        head += 1
        guard head == payloads.count else { return }
        payloads.removeAll(keepingCapacity: true)
        head = 0
    }

    /// Gives all memory back, unless bytes wait in it.
    mutating func releaseIfEmpty() {
        if count == 0 { deallocate() }
    }

    mutating func deallocate() {
        copied.deallocate()
        self = OutputQueue()
    }
}
