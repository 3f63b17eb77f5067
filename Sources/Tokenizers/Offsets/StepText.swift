/// A text on its way through the steps of a tokenizer: its bytes, valid UTF-8, and perhaps where they came from.
///
/// Each step writes a new text and says of every part which part of the one before it stands for. `[UInt8]` forgets
/// that, `AlignedText` keeps it; so that who needs no offsets pays for none, and both are the same steps.
protocol StepText {
    var bytes: [UInt8] { get }

    init()

    mutating func reserveCapacity(_ byteCount: Int)

    /// Appends bytes that stand for `source` of `text`, which is not empty.
    mutating func append(_ bytes: some Collection<UInt8>, for source: Range<Int>, of text: borrowing Self)

    /// Appends a part of `text` as it is.
    mutating func append(_ part: Range<Int>, of text: borrowing Self)
}

extension [UInt8]: StepText {
    var bytes: [UInt8] { self }

    @inline(__always)
    mutating func append(_ bytes: some Collection<UInt8>, for source: Range<Int>, of text: borrowing Self) {
        append(contentsOf: bytes)
    }

    @inline(__always)
    mutating func append(_ part: Range<Int>, of text: borrowing Self) {
        guard part.count <= 4 else { return append(contentsOf: text[part]) }
        for index in part { append(text[index]) }
    }
}

/// A text that knows for each of its bytes which part of the text at the beginning it stands for.
///
/// ```
/// Ünder_the  →  u n d e r ▁ t h e        normalised
/// 0 2345678  →  0 2 3 4 5 6 7 8 9        where the part begins; "Ü" is two bytes, and "u" stands for both
/// ```
struct AlignedText: StepText {
    /// A part of the text at the beginning, in bytes.
    struct Origin: Equatable {
        var start: Int32
        var end: Int32
    }

    private(set) var bytes: [UInt8] = []
    /// Of each byte.
    private(set) var origins: [Origin] = []

    init() {}

    /// The text at the beginning: each byte stands for its whole scalar, so that no token ends inside of one.
    init(_ text: [UInt8]) {
        bytes = text
        origins.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let end = index + decodeScalar(text, at: index).count
            let origin = Origin(start: Int32(index), end: Int32(end))
            while index < end {
                origins.append(origin)
                index += 1
            }
        }
    }

    /// A part of a text.
    init(_ part: Range<Int>, of text: AlignedText) {
        bytes = Array(text.bytes[part])
        origins = Array(text.origins[part])
    }

    mutating func reserveCapacity(_ byteCount: Int) {
        bytes.reserveCapacity(byteCount)
        origins.reserveCapacity(byteCount)
    }

    mutating func append(_ bytes: some Collection<UInt8>, for source: Range<Int>, of text: borrowing AlignedText) {
        let origin = Origin(
            start: text.origins[source.lowerBound].start, end: text.origins[source.upperBound - 1].end)
        self.bytes.append(contentsOf: bytes)
        origins.append(contentsOf: repeatElement(origin, count: bytes.count))
    }

    mutating func append(_ part: Range<Int>, of text: borrowing AlignedText) {
        bytes.append(contentsOf: text.bytes[part])
        origins.append(contentsOf: text.origins[part])
    }

    /// What a part stands for in the text at the beginning; nil for an empty one.
    func origin(of part: Range<Int>) -> Range<Int>? {
        guard !part.isEmpty else { return nil }
        // Marks that were put into another order may stand the other way round.
        let (start, end) = (Int(origins[part.lowerBound].start), Int(origins[part.upperBound - 1].end))
        return start..<max(start, end)
    }
}

extension StepText {
    /// The text with each scalar replaced by what `body` appends for it.
    @inline(__always)
    func mapped(_ body: (Unicode.Scalar, inout ScalarSink<Self>) -> Void) -> Self {
        let bytes = bytes
        var sink = ScalarSink(text: self)
        sink.result.reserveCapacity(bytes.count + 8)
        var index = 0
        while index < bytes.count {
            let (scalar, count) = decodeScalar(bytes, at: index)
            sink.source = index..<index + count
            body(scalar, &sink)
            index += count
        }
        return sink.result
    }

    /// The text without the scalars that `keeps` does not want.
    func filtered(_ keeps: (Unicode.Scalar) -> Bool) -> Self {
        mapped { scalar, sink in if keeps(scalar) { sink.keep() } }
    }
}

/// Takes what becomes of one scalar after the other.
struct ScalarSink<Text: StepText> {
    fileprivate let text: Text
    fileprivate var result = Text()
    fileprivate var source = 0..<0

    fileprivate init(text: Text) { self.text = text }

    /// The scalar stays as it is.
    @inline(__always)
    mutating func keep() { result.append(source, of: text) }

    @inline(__always)
    mutating func append(_ byte: UInt8) { result.append(CollectionOfOne(byte), for: source, of: text) }

    mutating func append(_ bytes: some Collection<UInt8>) { result.append(bytes, for: source, of: text) }
}
