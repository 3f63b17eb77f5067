import Glibc
package import Vocabulary

/// Files as bytes that come from the page cache and are read when they are touched.
package enum MappedFile {
    /// Maps the whole file at `path`, read-only.
    ///
    /// The file must not shrink while the bytes live: touching a page past its end would end the process (mmap(2),
    /// SIGBUS). Models are therefore replaced by renaming a new folder into place, never by writing into an old one.
    ///
    /// - Returns: bytes that unmap the file with their last reference; none for an empty file.
    /// - Throws: `ModelFileError` when the file is missing, unreadable, not a regular file or longer than
    ///   `byteCountMax`.
    package static func open(path: String, byteCountMax: Int = .max) throws(ModelFileError) -> Bytes {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ModelFileError(file: path, problem: errorText()) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw ModelFileError(file: path, problem: errorText()) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ModelFileError(file: path, problem: "is not a regular file")
        }
        let byteCount = Int(status.st_size)
        guard byteCount <= byteCountMax else {
            throw ModelFileError(file: path, problem: "has \(byteCount) bytes, more than \(byteCountMax)")
        }
        guard byteCount > 0 else { return Bytes() }
        guard let base = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
            throw ModelFileError(file: path, problem: errorText())
        }
        let mapping = Mapping(UnsafeRawBufferPointer(start: base, count: byteCount))
        return Bytes(borrowing: mapping.bytes, owner: mapping)
    }

    /// Gives the memory of bytes that are not needed any more back to the page cache; they are read again if they are
    /// touched.
    ///
    /// - Parameter bytes: of a mapped file.
    package static func release(_ bytes: Bytes) {
        let pageByteCount = Int(sysconf(Int32(_SC_PAGESIZE)))
        bytes.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            // Whole pages only: what shares a page with them may still be needed.
            let begin = (Int(bitPattern: base) + pageByteCount - 1) / pageByteCount * pageByteCount
            let end = (Int(bitPattern: base) + bytes.count) / pageByteCount * pageByteCount
            guard begin < end else { return }
            _ = madvise(UnsafeMutableRawPointer(bitPattern: begin), end - begin, MADV_DONTNEED)
        }
    }

    private static func errorText() -> String {
        errno == ENOENT ? "no such file" : String(cString: strerror(errno))
    }
}

/// Unmaps its pages with its last reference.
private final class Mapping {
    let bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), bytes.count) }
}
