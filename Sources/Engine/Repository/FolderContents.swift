import Glibc

/// What came of reading a folder's names: that it is not there is something else than that nobody can tell.
///
/// Why a type of its own: Foundation gives one error for a folder that is gone and for a process that has no descriptor
/// left, and of the second nothing follows about what lies there.
enum FolderContents: Equatable, Sendable {
    /// Its names, sorted, without those that start with a dot.
    case names([String])
    /// There is no such folder.
    case gone
    /// It may be there, and have anything in it.
    case unreadable(String)

    /// - Source: opendir(3), readdir(3).
    init(of path: String) {
        guard let folder = opendir(path) else {
            self = Self(failure: errno)
            return
        }
        defer { closedir(folder) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(folder) else { break }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        // The end of a folder leaves errno alone. One that was removed while it was read ends early as well, without an
        // error: the next look finds it gone.
        let error = errno
        self = error == 0 ? .names(names.sorted()) : Self(failure: error)
    }

    private init(failure error: Int32) {
        self = Self.isAbsence(error) ? .gone : .unreadable(String(cString: strerror(error)))
    }

    /// Whether an error says that nothing is there; all others say that it cannot be told.
    static func isAbsence(_ error: Int32) -> Bool { error == ENOENT || error == ENOTDIR }
}

/// What lies at a path.
enum PathKind: Equatable, Sendable {
    case folder
    /// Anything else than a folder.
    case file
    case gone
    /// Something may be there.
    case unreadable(String)

    /// - Source: stat(2).
    init(of path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            let error = errno
            self = FolderContents.isAbsence(error) ? .gone : .unreadable(String(cString: strerror(error)))
            return
        }
        self = status.st_mode & S_IFMT == S_IFDIR ? .folder : .file
    }

    /// Whether a symbolic link lies at a path, wherever that leads.
    ///
    /// - Source: lstat(2).
    static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }
}

/// Something in a repository that is there, for all that is known, and cannot be read now.
struct UnreadableFolder: Error, CustomStringConvertible {
    let path: String
    let problem: String

    var description: String { "\(path): cannot be read: \(problem)" }
}
