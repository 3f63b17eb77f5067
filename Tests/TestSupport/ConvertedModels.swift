package import Foundation
import Synchronization

/// Models of the shared data in the layout Apus serves, converted once a process by the scripts in `Tests/Fixtures`.
package enum ConvertedModels {
    /// Why a model is not to be had here.
    package struct ConversionError: Error, CustomStringConvertible {
        package let description: String
    }

    /// Whether the shared data and python3 are here; use in `.enabled(if:)`.
    package static let isPossible = SharedData.isPresent && FileManager.default.isExecutableFile(atPath: python)

    private static let python =
        ["/usr/bin/python3", "/usr/local/bin/python3"]
        .first(where: FileManager.default.isExecutableFile) ?? "/usr/bin/python3"
    private static let folder = Mutex<URL?>(nil)

    /// stories260K as a Hugging Face directory: `config.json`, `tokenizer.json`, `model.safetensors`.
    ///
    /// - Throws: `CocoaError` without the shared data, `ConversionError` when the script fails.
    package static func stories260K() throws -> URL {
        try folder.withLock { folder in
            if let folder { return folder }
            let out = FileManager.default.temporaryDirectory.appending(path: "apus-stories260k-\(UUID().uuidString)")
            try run(
                "convert_llama2c.py",
                [
                    SharedData.url("llm-stories260k/stories260K.bin").path,
                    SharedData.url("llm-stories260k/tok512.bin").path, out.path,
                ])
            folder = out
            return out
        }
    }

    /// Runs a script of `Tests/Fixtures`.
    private static func run(_ script: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: python)
        let path = URL(filePath: #filePath).appending(path: "../../Fixtures/\(script)").standardizedFileURL.path
        process.arguments = [path] + arguments
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw ConversionError(description: "\(script) exited with \(process.terminationStatus)")
        }
    }
}
