import ArgumentParser
import Foundation

/// `apus bench`: how many calls a server answers, how fast, and whether that has changed.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure a server under load, and compare measurements.",
        discussion: """
            One model and one load need no more than options, which `apus bench run --help` explains; the word run may \
            be left out:

              apus bench --model digits --picture photo.png --concurrency 8
              apus bench --model karate --nodes 0,33 --rate 2000 --json karate.json

            Several tenants with several loads at once are described in a scenario file. Its results can be compared, \
            with confidence intervals, and drawn:

              apus bench scenario mixed.yaml --json before.json
              apus bench compare before.json after.json --fail-over 5%
              apus bench report before.json after.json -o report.html
            """,
        subcommands: [
            BenchRunCommand.self, BenchScenarioCommand.self, BenchCompareCommand.self, BenchReportCommand.self,
        ],
        defaultSubcommand: BenchRunCommand.self)
}

/// What a command line has of a measurement that nobody answered.
func refuseOnlyErrors(answered: UInt64, failed: UInt64) throws {
    guard answered == 0, failed > 0 else { return }
    throw CommandFailure("No call was answered: all \(failed) failed.")
}

/// Writes a file of ours.
func writeFile(_ text: String, to path: String) throws {
    do {
        try Data(text.utf8).write(to: URL(filePath: path))
    } catch {
        throw CommandFailure("\(path) cannot be written: \(error.localizedDescription)")
    }
}
