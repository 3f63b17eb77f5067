import COpenSSL
import Glibc
import Vocabulary

/// What to do about a file that is there already.
package enum FileConflict: Hashable, Sendable {
    /// Leave it and throw.
    case refuse
    /// Put the new one in its place, in one step.
    case replace
}

/// Writes small files so that nobody ever sees half of one, and nobody else ever sees a key.
enum FileWriter {
    /// Writes `bytes` to a new file beside `path` and moves it there.
    ///
    /// The file has `mode` from its first moment on: a key that was readable for a millisecond may have been read.
    ///
    /// - Throws: `TLSError.fileExists`, `.unusableFile`; nothing is left behind then.
    static func write(_ bytes: Bytes, to path: String, mode: mode_t, onConflict: FileConflict) throws(TLSError) {
        let temporary = try temporaryPath(for: path)
        defer { unlink(temporary) }
        try create(temporary, holding: bytes, mode: mode, for: path)
        switch onConflict {
        case .replace:
            guard rename(temporary, path) == 0 else { throw systemFailure(path) }
        case .refuse:
            // Unlike rename(2), link(2) fails when the name is taken, also by a process that came in between.
            guard link(temporary, path) == 0 else {
                throw errno == EEXIST ? .fileExists(path: path) : systemFailure(path)
            }
        }
    }

    /// Makes `path` and the folders above it, as far as they are missing.
    static func makeFolder(_ path: String) throws(TLSError) {
        guard !path.isEmpty, !isFolder(path) else { return }
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex { try makeFolder(String(path[..<slash])) }
        guard mkdir(path, 0o755) == 0 || (errno == EEXIST && isFolder(path)) else { throw systemFailure(path) }
    }

    /// Removes a file; that there is none is as good.
    static func remove(_ path: String) { unlink(path) }

    /// Whether anything has this name.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// What lies in a folder, in no order; nil, with `errno`, when it cannot be read.
    static func names(inFolder path: String) -> [String]? {
        guard let folder = opendir(path) else { return nil }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                })
        }
        return names
    }

    private static func create(
        _ temporary: String, holding bytes: Bytes, mode: mode_t, for path: String
    ) throws(TLSError) {
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw systemFailure(path) }
        defer { close(descriptor) }
        try writeAll(bytes, to: descriptor, path: path)
        guard fsync(descriptor) == 0 else { throw systemFailure(path) }
    }

    private static func writeAll(_ bytes: Bytes, to descriptor: Int32, path: String) throws(TLSError) {
        try bytes.withUnsafeBytes { buffer throws(TLSError) in
            var written = 0
            while written < buffer.count {
                let count = Glibc.write(descriptor, buffer.baseAddress! + written, buffer.count - written)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { throw systemFailure(path) }
                written += count
            }
        }
    }

    private static func temporaryPath(for path: String) throws(TLSError) -> String {
        var number: UInt64 = 0
        guard withUnsafeMutableBytes(of: &number, { RAND_bytes($0.baseAddress, Int32($0.count)) }) == 1 else {
            throw issuingFailure("random file name")
        }
        return "\(path).\(String(number, radix: 36)).tmp"
    }

    private static func systemFailure(_ path: String) -> TLSError {
        .unusableFile(source: path, reason: String(cString: strerror(errno)))
    }
}
