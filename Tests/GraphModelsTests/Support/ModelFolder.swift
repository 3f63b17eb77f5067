import Foundation
import GraphModels
import Vocabulary

/// A folder for the files of one model, removed with its last reference.
final class ModelFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "apus-graph-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes or replaces `file`.
    func write(_ bytes: [UInt8], to file: String) throws {
        try Data(bytes).write(to: URL(filePath: "\(path)/\(file)"))
    }

    /// Writes `graph.json`.
    func describe(_ json: String) throws { try write(Array(json.utf8), to: "graph.json") }

    /// Loads what is in the folder.
    func model(
        labels: [String] = [], limits: GraphRequestLimits = GraphRequestLimits(), updateByteCountMax: Int = 0
    ) throws -> GraphModel {
        try GraphModel(
            folder: path, name: ModelName("test")!, version: ModelVersion(1)!, batchSizeMax: 16, labels: labels,
            limits: limits, updateByteCountMax: updateByteCountMax)
    }

    /// What the loader says about the files in the folder, with the folder's path taken out.
    func complaint(labels: [String] = []) -> String {
        do {
            _ = try model(labels: labels)
            return "no error"
        } catch {
            return "\(error)".replacing(path + "/", with: "")
        }
    }
}
