import ArgumentParser
import Foundation
import LoadTest

/// `apus bench compare`: what changed from one measurement to another.
struct BenchCompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare two results of apus bench scenario, with confidence intervals.",
        discussion: """
            A change whose interval leaves out 0 is marked better or worse; at 95 % one figure in twenty is marked by \
            chance. Intervals come from windows of the measured time, drawn with replacement in blocks, because \
            calls close to each other are not independent. Shares (good, failed) change by percentage points (pp), \
            everything else relative to the first result. For a build that fails when something got slower:

              apus bench compare before.json after.json --fail-over 5%

            exits with 1 when a figure got worse by more than 5 % (or 5 pp) with that confidence: when its whole \
            interval lies beyond. Two runs differ for reasons that no interval knows of, such as other work on the \
            machine; measure in turns when it matters.
            """)

    @Argument(help: "The first result, as --json of apus bench scenario writes it.", completion: .file())
    var before: String

    @Argument(help: "The second result.", completion: .file())
    var after: String

    @Option(
        help: ArgumentHelp("Fail when a figure got worse by more than this, such as 5%.", valueName: "percent"))
    var failOver: PercentArgument?

    @Option(help: ArgumentHelp("How sure intervals are, such as 95% or 99%.", valueName: "percent"))
    var confidence = PercentArgument(argument: "95%")!

    @Option(
        parsing: .singleValue,
        help: "Rows for each tenant, model or load, beside all together; may be repeated; tenant unless given.")
    var by: [ScenarioComparison.Grouping] = []

    func validate() throws {
        guard (0.5...0.9999).contains(confidence.share) else {
            throw ValidationError("--confidence: expected 50% to 99.99%, got \(confidence.text)")
        }
    }

    func run() async throws {
        try await explainingFailures {
            let comparison: ScenarioComparison
            do {
                comparison = try ScenarioComparison(
                    readResult(before), readResult(after), by: by.isEmpty ? [.tenant] : by,
                    confidence: confidence.share)
            } catch let error as ScenarioComparisonError {
                throw CommandFailure("\(error)")
            }
            Console.write(comparison.table(limit: failOver?.share) + "\n")
            guard let failOver else { return }
            let regressions = comparison.regressions(limit: failOver.share)
            guard !regressions.isEmpty else { return }
            let names = regressions.map { "\($0.group) \($0.figure.name) (\($0.changeText))" }
            throw CommandFailure("Worse by more than \(failOver.text): \(names.joined(separator: ", ")).")
        }
    }
}

extension ScenarioComparison.Grouping: ExpressibleByArgument {}

/// A share on the command line: `5%`, or `5`.
struct PercentArgument: ExpressibleByArgument {
    let share: Double
    let text: String

    init?(argument: String) {
        let number = argument.hasSuffix("%") ? String(argument.dropLast()) : argument
        guard let percent = Double(number), percent >= 0, percent <= 10_000 else { return nil }
        share = percent / 100
        text = "\(number)%"
    }

    var defaultValueDescription: String { text }
}
