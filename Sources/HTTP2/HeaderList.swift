import CNghttp2
package import Vocabulary

/// A header list to be sent.
///
/// Constant names and values (`StaticString`) are sent from where the compiler put them; everything else is copied
/// once into one buffer. A list made once, such as the headers every response starts with, can be sent any number of
/// times and then allocates nothing.
///
/// - Isolation: any thread; it is a value.
package struct HeaderList: @unchecked Sendable {
    // @unchecked: the only pointers in it reach static constants.
    private var fields: [Field] = []
    private var copied: [UInt8] = []
    /// The size of the list, counted as RFC 9113 §6.5.2 does: name + value + 32 a field.
    package private(set) var listByteCount = 0

    /// How the value may be treated by the peer's compression table.
    package enum Indexing: Sendable {
        /// The next block may refer to this field in one or two bytes.
        case allowed
        /// Every value is different, or secret: leave the table to others.
        case never
    }

    package init() {}

    /// The number of fields.
    package var count: Int { fields.count }

    /// Makes room for `fieldCount` fields of `byteCount` copied bytes together.
    package mutating func reserve(fieldCount: Int, byteCount: Int) {
        fields.reserveCapacity(fieldCount)
        copied.reserveCapacity(byteCount)
    }

    /// Appends a field whose name and value are constants.
    ///
    /// - Precondition: both are legal; the name is in lower case.
    package mutating func append(_ name: StaticString, _ value: StaticString) {
        let field = Field(name: Text(name), value: Text(value), indexing: .allowed)
        precondition(isLegal(field), "header \(name): \(value)")
        add(field)
    }

    /// Appends a field with a constant name and a copied value.
    ///
    /// - Throws: `HTTP2Error.invalidHeader` when the value must not be sent; the list is then unchanged.
    /// - Precondition: the name is legal and in lower case.
    package mutating func append(
        _ name: StaticString, _ value: UnsafeRawBufferPointer, indexing: Indexing = .allowed
    ) throws(HTTP2Error) {
        try appendChecked(name: Text(name), value: copy(value), indexing: indexing)
    }

    /// Appends a field with a constant name and a copied value.
    ///
    /// - Throws: `HTTP2Error.invalidHeader` when the value must not be sent; the list is then unchanged.
    package mutating func append(
        _ name: StaticString, _ value: Bytes, indexing: Indexing = .allowed
    ) throws(HTTP2Error) {
        let text = value.withUnsafeBytes { copy($0) }
        try appendChecked(name: Text(name), value: text, indexing: indexing)
    }

    /// Appends a field with a copied name and a copied value.
    ///
    /// - Throws: `HTTP2Error.invalidHeader` when the name is not lower-case and legal, or the value must not be sent;
    ///   the list is then unchanged.
    package mutating func append(
        name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, indexing: Indexing = .allowed
    ) throws(HTTP2Error) {
        let nameText = copy(name)
        try appendChecked(name: nameText, value: copy(value), indexing: indexing)
    }

    /// Appends a field of a list that a session has received, and has checked by the rules that hold for sending too.
    ///
    /// - Precondition: the name begins with no colon.
    package mutating func append(
        received name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, indexing: Indexing = .allowed
    ) {
        let nameText = copy(name)
        add(Field(name: nameText, value: copy(value), indexing: indexing))
    }

    /// Appends a field given as text; for tests and for code that is not on the way of every request.
    package mutating func append(
        name: String, value: String, indexing: Indexing = .allowed
    ) throws(HTTP2Error) {
        let nameText = copy(name.utf8)
        try appendChecked(name: nameText, value: copy(value.utf8), indexing: indexing)
    }

    /// Appends all fields of another list, which need not be checked again.
    package mutating func append(contentsOf other: HeaderList) {
        let start = copied.count
        if start == 0 {
            fields.append(contentsOf: other.fields)
        } else {
            for field in other.fields { fields.append(field.moved(by: start)) }
        }
        copied.append(contentsOf: other.copied)
        listByteCount += other.listByteCount
    }

    /// Puts a field with a constant name and a copied value in front of the one at `index`.
    ///
    /// - Throws: `HTTP2Error.invalidHeader` when the value must not be sent; the list is then unchanged.
    /// - Precondition: the name is legal and in lower case; there are at least `index` fields.
    package mutating func insert(
        _ name: StaticString, _ value: Bytes, indexing: Indexing = .allowed, at index: Int
    ) throws(HTTP2Error) {
        try append(name, value, indexing: indexing)
        fields.insert(fields.removeLast(), at: index)
    }

    /// Whether it is the same list: not only the same fields, but made in the same way.
    package func isSame(as other: HeaderList) -> Bool { fields == other.fields && copied == other.copied }

    private mutating func copy(_ bytes: some Collection<UInt8>) -> Text {
        let text = Text(offset: copied.count, count: bytes.count)
        copied.append(contentsOf: bytes)
        return text
    }

    private mutating func appendChecked(name: Text, value: Text, indexing: Indexing) throws(HTTP2Error) {
        let field = Field(name: name, value: value, indexing: indexing)
        guard isLegal(field) else {
            let shown = withBytes(of: name) { String(decoding: $0.prefix(100), as: UTF8.self) }
            let copiedCount = (name.constant == nil ? name.count : 0) + (value.constant == nil ? value.count : 0)
            copied.removeLast(copiedCount)
            throw .invalidHeader(name: shown)
        }
        add(field)
    }

    private mutating func add(_ field: Field) {
        fields.append(field)
        listByteCount += field.name.count + field.value.count + 32
    }

    /// nghttp2 checks what it receives, not what it sends, so this is where line feeds and the like are stopped.
    private func isLegal(_ field: Field) -> Bool {
        let nameIsLegal = withBytes(of: field.name) { name in
            nghttp2_check_header_name(name.baseAddress, name.count) != 0  // refuses upper case and the empty name
        }
        let valueIsLegal = withBytes(of: field.value) { value in
            value.count == 0 || nghttp2_check_header_value(value.baseAddress, value.count) != 0
        }
        return nameIsLegal && valueIsLegal
    }

    private func withBytes<Result>(of text: Text, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        if let constant = text.constant {
            return body(UnsafeBufferPointer(start: constant, count: text.count))
        }
        return copied.withUnsafeBufferPointer {
            body(UnsafeBufferPointer(rebasing: $0[text.offset..<text.offset + text.count]))
        }
    }

    /// Hands the list to nghttp2, which copies everything that is not constant; nothing outlives `body`.
    func withNameValues<Result>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result) -> Result {
        copied.withUnsafeBufferPointer { copied in
            withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: max(fields.count, 1)) { list in
                for (index, field) in fields.enumerated() {
                    list.initializeElement(at: index, to: field.nameValue(copied: copied.baseAddress))
                }
                return body(list.baseAddress, fields.count)
            }
        }
    }
}

/// A run of bytes: a constant of the program, or a range of the list's own buffer.
private struct Text: Equatable {
    let constant: UnsafePointer<UInt8>?
    let offset: Int
    let count: Int

    init(_ string: StaticString) {
        constant = string.utf8Start
        offset = 0
        count = string.utf8CodeUnitCount
    }

    init(offset: Int, count: Int) {
        constant = nil
        self.offset = offset
        self.count = count
    }

    /// The same text after `byteCount` more bytes were put before the list's buffer.
    func moved(by byteCount: Int) -> Text {
        constant == nil ? Text(offset: offset + byteCount, count: count) : self
    }

    func pointer(copied: UnsafePointer<UInt8>?) -> UnsafeMutablePointer<UInt8>? {
        // nghttp2 takes a pointer without const and never writes through it.
        UnsafeMutablePointer(mutating: constant ?? copied.map { $0 + offset })
    }
}

private struct Field: Equatable {
    let name: Text
    let value: Text
    let indexing: HeaderList.Indexing

    func moved(by byteCount: Int) -> Field {
        Field(name: name.moved(by: byteCount), value: value.moved(by: byteCount), indexing: indexing)
    }

    func nameValue(copied: UnsafePointer<UInt8>?) -> nghttp2_nv {
        var flags = NGHTTP2_NV_FLAG_NONE.rawValue
        if name.constant != nil { flags |= NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue }
        if value.constant != nil { flags |= NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue }
        if indexing == .never { flags |= NGHTTP2_NV_FLAG_NO_INDEX.rawValue }
        return nghttp2_nv(
            name: name.pointer(copied: copied), value: value.pointer(copied: copied), namelen: name.count,
            valuelen: value.count, flags: UInt8(truncatingIfNeeded: flags))
    }
}
