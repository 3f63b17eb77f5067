import ApusClient
import ApusServer
import ArgumentParser
import Configuration
import Foundation
import LoadTest

/// `apus bench scenario`: several loads of several tenants at once.
struct BenchScenarioCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scenario",
        abstract: "Measure a server under the loads of several tenants at once.",
        discussion: """
            A scenario file says who asks for what, how often, and what they may expect:

              duration: 30s
              warm_up: 5s
              certificates: Certs/local      # made by: apus certs issue --tenant NAME
              tenants:
                - name: flood
                  load:
                    - model: storyteller
                      generate: {prompt_words: {min: 60, max: 99}, max_tokens: 64}
                      concurrency: 16        # callers that wait for their answers
                - name: light
                  load:
                    - model: digits
                      classify: {pictures: [seven.png]}
                      rate: 20               # calls a second, come what may
                      deadline: 2s
                      slo: {latency: 100ms}

            A call is good when it keeps to all of its slo (ttft, inter_token, latency); goodput counts those. Latency \
            counts from when a call was due. Errors end nothing: they are counted by code and reason. Other kinds of \
            requests are embed, predict and infer; other lengths {mean, max} and {median, sigma, max}. Every key \
            stands in Sources/LoadTest/Scenario/Scenario+File.swift, an example in Benchmarks/platform/mixed.yaml.

            Exits with 1 when no call was answered. Ctrl-C ends the measurement and prints what there is.
            """)

    @Argument(help: "The scenario, in YAML.", completion: .file(extensions: ["yaml"]))
    var file: String

    @Option(help: ArgumentHelp("Write the result to this file too, for compare and report.", valueName: "file"))
    var json: String?

    @Option(help: ArgumentHelp("The server, instead of the file's.", valueName: "host:port"))
    var target: String?

    @Option(help: ArgumentHelp("The folder of certificates, instead of the file's.", valueName: "folder"))
    var certs: String?

    @Option(help: ArgumentHelp("How long to measure, instead of the file's.", valueName: "time"))
    var duration: DurationArgument?

    @Option(help: ArgumentHelp("How long to load the server before that, instead of the file's.", valueName: "time"))
    var warmup: DurationArgument?

    @Option(help: ArgumentHelp("Begins everything random, instead of the file's.", valueName: "number"))
    var seed: UInt64?

    func run() async throws {
        let command = self
        try await explainingFailures {
            let scenario = try command.scenario()
            try await cancelledByInterrupt { try await command.measure(scenario) }
        }
    }

    private func scenario() throws -> Scenario {
        var overrides = ScenarioOverrides()
        overrides.target = target
        overrides.certificates = certs
        overrides.durationNanoseconds = duration?.nanoseconds
        overrides.warmupNanoseconds = warmup?.nanoseconds
        overrides.seed = seed
        do {
            return try Scenario(path: file, overrides: overrides)
        } catch {
            throw CommandFailure("\(error)")
        }
    }

    private func measure(_ scenario: Scenario) async throws {
        let workloads = try await workloads(of: scenario)
        let startedAt = Date().formatted(.iso8601)
        let isTerminal = Console.isErrorTerminal
        let measurement = try await ScenarioRun.measure(scenario, workloads) { progress in
            if isTerminal { Console.replaceLine(progress.line) }
        }
        if isTerminal { Console.replaceLine("") }
        let result = ScenarioResult(
            measurement, program: "apus \(ServerVersion.current)", startedAt: startedAt, machine: .current())
        Console.write(result.table + "\n")
        if let json { try writeFile(try result.json(), to: json) }
        try refuseOnlyErrors(answered: result.all.answered, failed: result.all.failed)
    }

    private func workloads(of scenario: Scenario) async throws -> [[Workload]] {
        var workloads: [[Workload]] = []
        for tenant in scenario.tenants {
            do {
                workloads.append(try await tenant.workloads(seed: scenario.seed))
            } catch let error as ApusError {
                throw CommandFailure("tenant \(tenant.name): \(FailureExplanation(error, tenant.client).text)")
            }
        }
        return workloads
    }
}
