import Foundation

/// The inputs that are kept, at `Tests/Fuzzing/corpus/TARGET/`.
enum Corpus {
    /// One kept input.
    struct Input: Sendable {
        /// `TARGET/FILE`.
        let name: String
        let bytes: [UInt8]
    }

    private static let folder = URL(filePath: #filePath).appending(path: "../../Fuzzing/corpus").standardizedFileURL

    /// The inputs of a target, in the order of their names.
    static func inputs(of target: String) throws -> [Input] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: target).path).sorted()
        return try names.map { name in
            let data = try Data(contentsOf: folder.appending(path: "\(target)/\(name)"))
            return Input(name: "\(target)/\(name)", bytes: [UInt8](data))
        }
    }

    /// The folders there are.
    static func targets() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    /// All bytes of all inputs.
    static func byteCount() throws -> Int {
        try targets().flatMap(inputs).reduce(0) { $0 + $1.bytes.count }
    }
}
