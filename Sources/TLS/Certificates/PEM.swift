import Glibc
package import Vocabulary

/// PEM text and the name to call it by in errors.
package struct PEM: Sendable {
    /// The path it was read from, or what it is.
    package let source: String
    package let bytes: Bytes

    /// The most a certificate or key file may hold; a chain with a private key is about 4 KiB.
    package static let byteCountMax = 1 << 20

    /// Text that is already in memory; errors call it `source`.
    package init(source: String, bytes: Bytes) {
        self.source = source
        self.bytes = bytes
    }

    /// Whether every object that begins in the text also ends in it.
    ///
    /// Why ask: OpenSSL skips whatever does not look like PEM, and so reads a bundle that was cut off within the first
    /// line of an object as one that ends before it.
    var isWhole: Bool {
        bytes.withUnsafeBytes { text in
            var isInside = false
            for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
                if line.starts(with: "-----BEGIN ".utf8) {
                    if isInside { return false }
                    isInside = true
                } else if line.starts(with: "-----END ".utf8) {
                    if !isInside { return false }
                    isInside = false
                } else if line.endIndex == text.endIndex, line.first == UInt8(ascii: "-") {
                    return false
                }
            }
            return !isInside
        }
    }

    /// Reads a file.
    ///
    /// - Throws: `TLSError.unusableFile` when it cannot be read, is empty or holds more than `byteCountMax` bytes.
    package init(contentsOf path: String) throws(TLSError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unusableFile(source: path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .unusableFile(source: path, reason: String(cString: strerror(errno))) }
            if count == 0 { break }
            content.append(contentsOf: chunk[..<count])
            guard content.count <= PEM.byteCountMax else {
                throw .unusableFile(source: path, reason: "more than \(PEM.byteCountMax) bytes")
            }
        }
        guard !content.isEmpty else { throw .unusableFile(source: path, reason: "the file is empty") }
        self.init(source: path, bytes: Bytes(content))
    }
}
