import ApusClient
import ArgumentParser
import Foundation

/// `apus call vision`: what pictures show.
struct CallVisionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vision",
        abstract: "Let a vision model say what a picture shows.",
        discussion: """
            Takes JPEG and PNG files of any size. For example:

              apus call vision --model digits photo.png --top 3
            """)

    @OptionGroup var call: CallOptions

    @Argument(help: "JPEG or PNG files.", completion: .file(extensions: ["png", "jpg", "jpeg"]))
    var files: [String]

    @Option(help: ArgumentHelp("How many classes to print, likeliest first.", valueName: "count"))
    var top = 5

    func validate() throws {
        guard top >= 1 else { throw ValidationError("--top: expected at least 1, got \(top)") }
    }

    func run() async throws {
        let (call, files, top) = (call, files, top)
        try await call.withClient { client in
            for file in files {
                let classes = try await client.classify(
                    model: call.model, version: call.modelVersion, picture: .encoded(try readFile(file)),
                    candidateCountMax: top, timeout: call.timeout?.duration)
                if files.count > 1 { Console.write("\(file)\n") }
                let rows = classes.candidates.map { candidate in
                    let label = candidate.label.isEmpty ? "class \(candidate.index)" : candidate.label
                    return [label, percent(candidate.probability), bar(candidate.probability)]
                }
                Console.write(columns(rows) + "\n")
            }
        }
    }
}

/// The bytes of a file.
///
/// - Throws: `CommandFailure` naming the file.
func readFile(_ path: String) throws -> [UInt8] {
    guard FileManager.default.fileExists(atPath: path) else { throw CommandFailure("There is no \(path).") }
    do {
        return [UInt8](try Data(contentsOf: URL(filePath: path)))
    } catch {
        throw CommandFailure("\(path) cannot be read: \(error.localizedDescription)")
    }
}
