extension StringProtocol {
    /// So much of a text as a message or a record repeats that somebody else has written.
    ///
    /// Why bytes: a `Character` may be a letter and any number of combining marks, so that 64 of them are no bound. And
    /// why whole scalars: half of one would not be UTF-8.
    ///
    /// - Parameter byteCountMax: bytes of UTF-8.
    /// - Returns: the text, or as many of its first scalars as fit; each control character is a question mark, because
    ///   it could end a line or steer a terminal.
    /// - Complexity: O(`byteCountMax`).
    package func shown(byteCountMax: Int = 100) -> String {
        let bytes = utf8
        let end = bytes.index(bytes.startIndex, offsetBy: byteCountMax, limitedBy: bytes.endIndex) ?? bytes.endIndex
        var text = String.UnicodeScalarView()
        var count = 0
        for scalar in unicodeScalars[..<end] {
            // The last one may begin before the border and end behind it.
            count += UTF8.width(scalar)
            guard count <= byteCountMax else { break }
            text.append(scalar.isControl ? "?" : scalar)
        }
        return String(text)
    }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }
}
