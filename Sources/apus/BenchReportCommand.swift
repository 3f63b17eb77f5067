import ArgumentParser
import Foundation
import LoadTest

/// `apus bench report`: a picture of one measurement, or of two.
struct BenchReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Draw results of apus bench scenario as one HTML file.",
        discussion: """
            The file needs nothing else: plots are SVG, and there is no script in it. With two results it also has \
            what changed from the first to the second. For example:

              apus bench report result.json -o report.html
              apus bench report before.json after.json -o report.html
            """)

    @Argument(help: "One result of apus bench scenario, or two.", completion: .file())
    var results: [String]

    @Option(name: [.short, .long], help: ArgumentHelp("Where to write the report.", valueName: "file"))
    var output: String

    func validate() throws {
        guard (1...2).contains(results.count) else {
            throw ValidationError("expected one or two results, got \(results.count)")
        }
    }

    func run() async throws {
        try await explainingFailures {
            let read = try results.map(readResult)
            let text: String
            do {
                text = try ScenarioPage(read).html
            } catch let error as ScenarioComparisonError {
                throw CommandFailure("\(error)")
            }
            try writeFile(text, to: output)
        }
    }
}

/// Reads a result that `apus bench scenario` wrote.
func readResult(_ path: String) throws -> ScenarioResult {
    let bytes = try readFile(path)
    do {
        return try ScenarioResult(json: Data(bytes))
    } catch {
        throw CommandFailure("\(path) \(error)")
    }
}
