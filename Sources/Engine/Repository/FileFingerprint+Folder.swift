import Vocabulary

extension FileFingerprint {
    /// So deep folders of a model may lie within each other.
    private static let depthMax = 16

    /// Of the files in a folder, which need not be there; a folder that comes or goes is no change by itself.
    ///
    /// - Parameters:
    ///   - folder: whose files count.
    ///   - descends: whether those in the folders below count too.
    /// - Throws: when a folder is there and cannot be read: what was known of its files is still all that is known.
    init(filesIn folder: String, descends: Bool) throws(UnreadableFolder) {
        var paths: [String] = []
        try Self.collect(folder, depth: descends ? Self.depthMax : 0, &paths)
        self.init(paths: paths)
    }

    private static func collect(_ folder: String, depth: Int, _ paths: inout [String]) throws(UnreadableFolder) {
        let names: [String]
        switch FolderContents(of: folder) {
        case .names(let found): names = found
        case .gone: return
        case .unreadable(let problem): throw UnreadableFolder(path: folder, problem: problem)
        }
        for path in names.map({ "\(folder)/\($0)" }) {
            switch PathKind(of: path) {
            case .file: paths.append(path)
            // A link may lead back to where it lies.
            case .folder where depth > 0 && !PathKind.isLink(path): try collect(path, depth: depth - 1, &paths)
            case .folder, .gone: break
            case .unreadable(let problem): throw UnreadableFolder(path: path, problem: problem)
            }
        }
    }
}
