import Glibc
package import Messages

/// Appends spans to a file, a line of OTLP's JSON for each batch, as collectors read and write them.
///
/// The file is opened for each batch, so that it can be moved away at any time.
package struct SpanFile: SpanDestination {
    package let name = "file"
    private let path: String

    /// - Throws: when the file cannot be written.
    package init(path: String) throws(SpanSendingError) {
        self.path = path
        close(try open())
    }

    package func send(_ request: OTLPExportTraceServiceRequest) throws(SpanSendingError) -> Int {
        let file = try open()
        defer { close(file) }
        let size = lseek(file, 0, SEEK_END)
        guard append(Array((OTLPJSON.line(request) + "\n").utf8), to: file) else {
            let error = failure("cannot write")
            // Half a line would spoil the next one; what is no regular file has no size, and no way back.
            if size >= 0 { _ = ftruncate(file, size) }
            throw error
        }
        return 0
    }

    private func open() throws(SpanSendingError) -> Int32 {
        let file = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
        guard file >= 0 else { throw failure("cannot open") }
        return file
    }

    private func append(_ line: [UInt8], to file: Int32) -> Bool {
        line.withUnsafeBytes { line in
            var sent = 0
            while sent < line.count {
                let count = write(file, line.baseAddress! + sent, line.count - sent)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }

    private func failure(_ what: String) -> SpanSendingError {
        SpanSendingError("\(what) \(path): \(String(cString: strerror(errno)))", isTransient: true)
    }
}
