import Foundation

/// The protobuf compiler and `Proto/generate`, as outside judges; tests that need them are skipped without them.
enum ProtobufTools {
    /// What a program left behind.
    struct Outcome: Sendable {
        let status: Int32
        let output: [UInt8]
        let errors: String
    }

    static let packageRoot = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
    static let protoFolder = packageRoot.appending(path: "Proto")
    /// Whether there is a protoc at all; any version writes the same bytes for a message.
    static let hasProtoc = FileManager.default.isExecutableFile(atPath: "/usr/bin/protoc")
    /// The outcome of `Proto/generate --check`; status 77 where the tools are missing or of other versions.
    static let check = Result { try run(protoFolder.appending(path: "generate"), ["--check"]) }
    static let canGenerate = (try? check.get().status) != 77

    /// Runs a program in the folder of the `.proto` files.
    static func run(_ program: URL, _ arguments: [String], input: String = "") throws -> Outcome {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.currentDirectoryURL = protoFolder
        let (outputPipe, errorPipe) = (Pipe(), Pipe())
        // A file and not a pipe: writing to a program that ended early would end this process too (SIGPIPE).
        let inputFile = FileManager.default.temporaryDirectory.appending(path: "apus-input-\(UUID().uuidString)")
        try input.write(to: inputFile, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: inputFile) }
        process.standardInput = try FileHandle(forReadingFrom: inputFile)
        process.standardOutput = outputPipe
        process.standardError = errorPipe
        try process.run()
        let output = outputPipe.fileHandleForReading.readDataToEndOfFile()
        let errors = errorPipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: [UInt8](output), errors: String(decoding: errors, as: UTF8.self))
    }

    /// What protoc makes of a message in text format.
    static func encode(_ message: String, text: String) throws -> Outcome {
        let files = try FileManager.default.subpathsOfDirectory(atPath: protoFolder.path).filter {
            $0.hasSuffix(".proto")
        }
        return try run(
            URL(filePath: "/usr/bin/protoc"),
            ["-I.", "--deterministic_output", "--encode=\(message)"] + files.sorted(),
            input: text)
    }
}
