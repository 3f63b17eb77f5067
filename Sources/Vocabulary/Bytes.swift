import CMemory

/// An immutable run of bytes that several owners may share without copying.
///
/// Messages, tensors and model files travel through Apus as `Bytes`: a slice keeps the storage it points into alive
/// (a heap block, a message arena, a mapped file) and nothing else has to.
///
/// - Isolation: any thread; the storage never changes after `init`.
// `@inlinable`, here and where it says so below: what is not is a call across modules, dear for a few instructions.
@usableFromInline
package struct Bytes: @unchecked Sendable {
    // @unchecked: `base` points into memory that `owner` keeps alive and that nobody writes after initialisation.
    @usableFromInline let base: UnsafeRawPointer?
    @usableFromInline let owner: AnyObject?
    /// The number of bytes.
    @usableFromInline package let count: Int

    /// No bytes.
    @inlinable
    package init() {
        self.base = nil
        self.owner = nil
        self.count = 0
    }

    /// Borrows memory that `owner` keeps alive and unchanged for as long as it lives.
    @inlinable
    package init(borrowing bytes: UnsafeRawBufferPointer, owner: AnyObject) {
        self.base = bytes.baseAddress
        self.owner = owner
        self.count = bytes.count
    }

    /// Copies `bytes` into storage of its own.
    package init(copying bytes: UnsafeRawBufferPointer) {
        self.init(byteCount: bytes.count) { $0.copyMemory(from: bytes) }
    }

    /// Copies the bytes of a collection.
    package init(_ bytes: some Collection<UInt8>) {
        self.init(byteCount: bytes.count) { destination in
            let (_, end) = destination.bindMemory(to: UInt8.self).initialize(from: bytes)
            precondition(end == bytes.count, "a collection gave \(end) bytes but counted \(bytes.count)")
        }
    }

    /// Copies the UTF-8 bytes of `string`.
    package init(utf8 string: String) {
        self.init(string.utf8)
    }

    /// Allocates `byteCount` bytes, 64-byte aligned, and lets `initialize` fill all of them.
    @inlinable
    package init<Failure: Error>(
        byteCount: Int, initialize: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        precondition(byteCount >= 0, "byteCount \(byteCount)")
        guard byteCount > 0 else {
            self.init()
            return
        }
        let block = HeapBlock(byteCount: byteCount)
        try initialize(block.bytes)
        self.init(borrowing: UnsafeRawBufferPointer(block.bytes), owner: block)
    }

    /// Whether there are no bytes.
    @inlinable
    package var isEmpty: Bool { count == 0 }

    /// Reads the bytes in place; the pointer does not outlive `body`.
    @inlinable
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: base, count: count))
    }

    /// The byte at `index`, in `0 ..< count`.
    @inlinable
    package subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < count, "index \(index) of \(count) bytes")
        return base!.load(fromByteOffset: index, as: UInt8.self)
    }

    /// The bytes at `range`, sharing this storage.
    ///
    /// - Precondition: `range` lies in `0 ..< count`.
    @inlinable
    package subscript(range: Range<Int>) -> Bytes {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "range \(range) of \(count) bytes")
        guard let base, let owner else { return Bytes() }
        return Bytes(
            borrowing: UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count), owner: owner)
    }

    /// A copy as an array.
    package var array: [UInt8] {
        withUnsafeBytes { [UInt8]($0) }
    }

    /// The bytes as text, or nil when they are not valid UTF-8.
    package var utf8String: String? {
        withUnsafeBytes { String(utf8: $0) }
    }
}

extension Bytes: Equatable {
    @usableFromInline
    package static func == (lhs: Bytes, rhs: Bytes) -> Bool {
        lhs.count == rhs.count
            && lhs.withUnsafeBytes { left in rhs.withUnsafeBytes { right in left.holdsSameBytes(as: right) } }
    }
}

extension Bytes: Hashable {
    @usableFromInline
    package func hash(into hasher: inout Hasher) {
        withUnsafeBytes { hasher.combine(bytes: $0) }
    }
}

/// A heap allocation freed with its last reference.
@usableFromInline
final class HeapBlock {
    /// Aligned to 64, so that tensors in here can be read by any kernel.
    @usableFromInline let bytes: UnsafeMutableRawBufferPointer

    @usableFromInline
    init(byteCount: Int) {
        bytes = UnsafeMutableRawBufferPointer(start: apus_block_allocate(byteCount), count: byteCount)
    }

    deinit { apus_block_free(bytes.baseAddress, bytes.count) }
}
