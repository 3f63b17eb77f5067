import FoundationEssentials
import Glibc

/// What tells whether the files of a folder have changed: their names, sizes, times and inodes, not what is in them.
///
/// Symbolic links count as what they lead to.
struct FolderStamp: Equatable, Sendable {
    struct FileStamp: Equatable {
        let byteCount: Int
        let inode: UInt64
        let seconds: Int
        let nanoseconds: Int
    }

    var files: [String: FileStamp] = [:]

    /// Looks at the files in a folder; one that goes away meanwhile is not there.
    ///
    /// - Parameters:
    ///   - folder: need not be there.
    ///   - descends: whether files in the folders below count.
    init(of folder: String, descends: Bool) {
        let manager = FileManager.default
        let names =
            descends
            ? try? manager.subpathsOfDirectory(atPath: folder) : try? manager.contentsOfDirectory(atPath: folder)
        for name in names ?? [] {
            var status = stat()
            guard stat("\(folder)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            files[name] = FileStamp(
                byteCount: Int(status.st_size), inode: UInt64(status.st_ino), seconds: status.st_mtim.tv_sec,
                nanoseconds: status.st_mtim.tv_nsec)
        }
    }
}
