import ApusClient
import ArgumentParser
import LoadTest

/// `apus bench run`, or `apus bench` alone: how many calls of one kind a server answers, and how fast.
struct BenchRunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Measure throughput and latency of a model under load.",
        discussion: """
            --concurrency keeps a number of calls under way: each caller sends its next call when the one before is \
            answered. --rate lets calls arrive at random times around a mean rate, whatever the server does; their \
            latency counts from the arrival, so that a server that stalls cannot hide it. Ctrl-C ends the measurement \
            and prints what there is. For example:

              apus bench --model digits --picture photo.png --concurrency 8
              apus bench --model karate --nodes 0,33 --rate 2000 --json karate.json
              apus bench --model storyteller --prompt "Once upon a time" --max-tokens 64
            """)

    @Option(help: "The model.")
    var model: String

    @Option(help: ArgumentHelp("Its version; the newest unless given.", valueName: "number"))
    var modelVersion: Int?

    @OptionGroup(title: "Load")
    var load: BenchLoadOptions

    @OptionGroup(title: "Requests")
    var requests: BenchRequestOptions

    @Option(help: ArgumentHelp("Write the report as JSON to this file too.", valueName: "file"), completion: .file())
    var json: String?

    @OptionGroup(title: "Connection")
    var connection: ClientOptions

    func run() async throws {
        let plan = try load.plan()
        let command = self
        try await connection.withConfiguration { configuration in
            let report = try await command.measure(plan, configuration)
            Console.write(report.table + "\n")
            if let file = command.json { try writeFile(try report.json(), to: file) }
            try refuseOnlyErrors(answered: report.counts.answered, failed: report.counts.failed)
        }
    }

    private func measure(_ plan: LoadPlan, _ configuration: ApusClientConfiguration) async throws -> LoadReport {
        let workload = try await ApusClient.withClient(configuration) { client in
            try await requests.workload(model: model, version: modelVersion, client)
        }
        let isTerminal = Console.isErrorTerminal
        let result = try await LoadRun.measure(plan, workload, configuration) { progress in
            if isTerminal { Console.replaceLine(progress.line) }
        }
        if isTerminal { Console.replaceLine("") }
        return LoadReport(
            result.statistics, measuredNanoseconds: result.measuredNanoseconds,
            standstillNanoseconds: result.standstillNanoseconds,
            configuration: LoadReport.Configuration(plan, workload, configuration, model: model),
            machine: .current())
    }
}
