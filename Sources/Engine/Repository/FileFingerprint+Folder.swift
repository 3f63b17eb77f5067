import FoundationEssentials
import Vocabulary

extension FileFingerprint {
    /// Of the files in a folder, which need not be there; a folder that comes or goes is no change by itself.
    ///
    /// - Parameters:
    ///   - folder: whose files count.
    ///   - descends: whether those in the folders below count too.
    init(filesIn folder: String, descends: Bool) {
        let manager = FileManager.default
        let names =
            descends
            ? try? manager.subpathsOfDirectory(atPath: folder) : try? manager.contentsOfDirectory(atPath: folder)
        let paths = (names ?? []).sorted().map { "\(folder)/\($0)" }
        self.init(
            paths: paths.filter { path in
                var isFolder = false
                return manager.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder
            })
    }
}
