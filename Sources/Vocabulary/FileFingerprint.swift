import Glibc

/// The identity and age of some files: equal as long as none was written, replaced, removed or added.
package struct FileFingerprint: Hashable, Sendable {
    private struct Entry: Hashable, Sendable {
        let path: String
        /// Device, inode, size and the times of change, to the nanosecond; empty for a file that is not there.
        var numbers: [Int] = []
    }

    private let entries: [Entry]

    /// The bytes of all files together.
    package var byteCount: Int { entries.reduce(0) { $0 + ($1.numbers.count > 2 ? $1.numbers[2] : 0) } }

    /// Of the files at `paths`, whether they are there or not.
    package init(paths: [String]) {
        entries = paths.map { path in
            var status = stat()
            guard stat(path, &status) == 0 else { return Entry(path: path) }
            return Entry(
                path: path,
                numbers: [
                    Int(truncatingIfNeeded: status.st_dev), Int(truncatingIfNeeded: status.st_ino), Int(status.st_size),
                    status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
                ])
        }
    }
}
