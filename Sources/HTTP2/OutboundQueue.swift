import Vocabulary

/// The data waiting to be sent on one stream: messages by reference; only short ones are copied, into their frames.
///
/// A ring of pieces in plain memory. The owner calls `deallocate`.
struct OutboundQueue {
    /// A few bytes copied by value, then a message by reference.
    private struct Piece {
        var prefix: UInt64
        var prefixByteCount: Int
        var data: Bytes
        var byteCount: Int { prefixByteCount + data.count }
    }

    /// The longest prefix a piece can carry.
    static let prefixByteCountMax = MemoryLayout<UInt64>.size

    private var pieces: UnsafeMutablePointer<Piece>?
    private var capacity = 0
    private var head = 0
    private var pieceCount = 0
    /// Bytes of the first piece that were taken already.
    private var headOffset = 0
    /// The bytes in all pieces, without those taken.
    private(set) var byteCount = 0

    /// Appends `prefix`, copied, and then `data`, by reference.
    mutating func append(prefix: UnsafeRawBufferPointer, _ data: Bytes) {
        precondition(prefix.count <= Self.prefixByteCountMax, "a prefix of \(prefix.count) bytes")
        var piece = Piece(prefix: 0, prefixByteCount: prefix.count, data: data)
        guard piece.byteCount > 0 else { return }
        withUnsafeMutableBytes(of: &piece.prefix) { $0.copyMemory(from: prefix) }
        if pieceCount == capacity { grow() }
        (pieces! + (head + pieceCount) & (capacity - 1)).initialize(to: piece)
        pieceCount += 1
        byteCount += piece.byteCount
    }

    /// Moves the first `count` bytes to the end of `output`.
    mutating func move(_ count: Int, to output: inout OutputQueue) {
        precondition(count <= byteCount, "moving \(count) of \(byteCount) bytes")
        var rest = count
        while rest > 0 {
            let piece = pieces! + head
            let taken = Self.append(piece, from: headOffset, atMost: rest, to: &output)
            rest -= taken
            headOffset += taken
            if headOffset == piece.pointee.byteCount { removeHead() }
        }
        byteCount -= count
    }

    mutating func removeAll() {
        while pieceCount > 0 { removeHead() }
        byteCount = 0
    }

    mutating func deallocate() {
        removeAll()
        pieces?.deallocate()
        self = OutboundQueue()
    }

    /// Appends bytes `offset...` of one piece and says how many.
    private static func append(
        _ piece: UnsafeMutablePointer<Piece>, from offset: Int, atMost limit: Int, to output: inout OutputQueue
    ) -> Int {
        let prefixByteCount = piece.pointee.prefixByteCount
        if offset < prefixByteCount {
            let count = min(prefixByteCount - offset, limit)
            withUnsafeBytes(of: piece.pointee.prefix) { prefix in
                output.append(UnsafeRawBufferPointer(rebasing: prefix[offset..<offset + count]))
            }
            return count
        }
        let start = offset - prefixByteCount
        let count = min(piece.pointee.data.count - start, limit)
        if count >= OutputQueue.referencedByteCountMin {
            output.append(referencing: piece.pointee.data[start..<start + count])
        } else {
            piece.pointee.data.withUnsafeBytes {
                output.append(UnsafeRawBufferPointer(rebasing: $0[start..<start + count]))
            }
        }
        return count
    }

    private mutating func removeHead() {
        (pieces! + head).deinitialize(count: 1)
        head = (head + 1) & (capacity - 1)
        pieceCount -= 1
        headOffset = 0
    }

    private mutating func grow() {
        let newCapacity = max(capacity * 2, 4)  // a power of two, for the index mask
        let newPieces = UnsafeMutablePointer<Piece>.allocate(capacity: newCapacity)
        for index in 0..<pieceCount {
            (newPieces + index).moveInitialize(from: pieces! + (head + index) & (capacity - 1), count: 1)
        }
        pieces?.deallocate()
        (pieces, capacity, head) = (newPieces, newCapacity, 0)
    }
}
