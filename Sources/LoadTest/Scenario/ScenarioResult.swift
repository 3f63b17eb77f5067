import ApusClient
import Vocabulary

/// What came of a scenario: everything that a comparison or a report needs, also years later.
package struct ScenarioResult: Codable, Equatable, Sendable {
    /// What the file says it is.
    package static let schemaName = "apus.bench.scenario"
    /// Raised when a reader of old files could misunderstand new ones.
    package static let schemaVersionNow = 1

    /// What was asked for.
    package struct Asked: Codable, Equatable, Sendable {
        package var name: String
        /// The scenario file, word for word.
        package var file: String
        package var seed: UInt64
        package var warmupSeconds: Double
        package var durationSeconds: Double
    }

    package var schema: String
    package var schemaVersion: Int
    /// Such as `apus 0.1.0`.
    package var program: String
    /// In UTC, such as `2026-11-27T08:30:00Z`.
    package var startedAt: String
    package var scenario: Asked
    package var machine: MachineFacts
    package var generator: GeneratorFacts
    /// Of the measured part, as it was; shorter than asked for when somebody stopped it.
    package var measuredSeconds: Double
    package var windowSeconds: Double
    package var fairness: Fairness
    package var all: LoadFigures
    package var tenants: [TenantResult]
    package var models: [ModelResult]
    package var loads: [LoadResult]
}

/// What came of all loads of a tenant.
package struct TenantResult: Codable, Equatable, Sendable {
    package var name: String
    package var weight: Double
    package var figures: LoadFigures
}

/// What came of all loads of a model, whoever's they were.
package struct ModelResult: Codable, Equatable, Sendable {
    package var name: String
    package var figures: LoadFigures
}

/// What came of one load, window by window.
package struct LoadResult: Codable, Equatable, Sendable {
    package var tenant: String
    package var name: String
    package var target: String
    package var model: String
    package var method: String
    package var request: String
    /// `open` or `closed`.
    package var load: String
    /// Of an open loop.
    package var callsPerSecond: Double?
    package var arrivals: ArrivalPattern?
    /// Of a closed loop.
    package var concurrency: Int?
    package var deadlineSeconds: Double
    package var obeysPushback: Bool
    /// The objectives, absent where there is none.
    package var latencyMaxMicroseconds: Double?
    package var firstTokenMaxMicroseconds: Double?
    package var betweenTokensMaxMicroseconds: Double?
    package var figures: LoadFigures
    package var windows: WindowColumns
}

extension LoadResult {
    init(
        _ load: ScenarioLoad, of tenant: ScenarioTenant, _ workload: Workload, _ result: LoadRun.Result,
        windowNanoseconds: UInt64
    ) {
        guard let account = result.account, let detail = load.plan.detail else {
            preconditionFailure("a load of a scenario without an account")
        }
        self.tenant = tenant.name
        name = load.name
        target = tenant.client.target
        model = load.model
        method = workload.method
        request = workload.summary
        switch load.plan.load {
        case .open(let callsPerSecond, _, let arrivals):
            self.load = "open"
            self.callsPerSecond = callsPerSecond
            self.arrivals = arrivals
        case .closed(let callerCount):
            self.load = "closed"
            concurrency = callerCount
        }
        deadlineSeconds = Double(load.plan.timeoutNanoseconds) / 1e9
        obeysPushback = detail.heedsPushback
        latencyMaxMicroseconds = detail.objective.latencyNanoseconds.map { Double($0) / 1000 }
        firstTokenMaxMicroseconds = detail.objective.firstTokenNanoseconds.map { Double($0) / 1000 }
        betweenTokensMaxMicroseconds = detail.objective.betweenTokensNanoseconds.map { Double($0) / 1000 }
        figures = LoadFigures([result])
        // Windows that were not measured to their end say less than they seem to.
        let isWhole = result.measuredNanoseconds >= load.plan.durationNanoseconds
        let wholeCount = Int(result.measuredNanoseconds / windowNanoseconds)
        let count = isWhole && wholeCount == 0 ? account.windows.count : wholeCount
        windows = WindowColumns(Array(account.windows.prefix(count)))
    }
}

/// What a scenario was measured with, before it is summed up.
package struct ScenarioMeasurement: Sendable {
    package let scenario: Scenario
    /// By tenant and load.
    package let workloads: [[Workload]]
    /// By tenant and load.
    package let results: [[LoadRun.Result]]
    /// Processor time of this process over the time it ran.
    package let coresBusy: Double
}

extension ScenarioResult {
    /// Sums up a measurement.
    package init(_ measurement: ScenarioMeasurement, program: String, startedAt: String, machine: MachineFacts) {
        let scenario = measurement.scenario
        schema = Self.schemaName
        schemaVersion = Self.schemaVersionNow
        self.program = program
        self.startedAt = startedAt
        self.machine = machine
        self.scenario = Asked(
            name: scenario.name, file: scenario.text, seed: scenario.seed,
            warmupSeconds: Double(scenario.warmupNanoseconds) / 1e9,
            durationSeconds: Double(scenario.durationNanoseconds) / 1e9)
        let results = measurement.results.flatMap(\.self)
        measuredSeconds = Double(results.map(\.measuredNanoseconds).max() ?? 0) / 1e9
        windowSeconds = Double(scenario.windowNanoseconds) / 1e9
        generator = GeneratorFacts(results, threads: scenario.threadCount, coresBusy: measurement.coresBusy)
        all = LoadFigures(results)
        tenants = zip(scenario.tenants, measurement.results).map { tenant, results in
            TenantResult(name: tenant.name, weight: tenant.weight, figures: LoadFigures(results))
        }
        fairness = Fairness(tenants)
        let loads = scenario.tenants.flatMap(\.loads)
        var modelNames: [String] = []
        for load in loads where !modelNames.contains(load.model) { modelNames.append(load.model) }
        models = modelNames.map { name in
            ModelResult(
                name: name, figures: LoadFigures(zip(loads, results).filter { $0.0.model == name }.map(\.1)))
        }
        self.loads = scenario.tenants.indices.flatMap { index in
            let tenant = scenario.tenants[index]
            return tenant.loads.indices.map { load in
                LoadResult(
                    tenant.loads[load], of: tenant, measurement.workloads[index][load],
                    measurement.results[index][load], windowNanoseconds: scenario.windowNanoseconds)
            }
        }
    }

    /// Whether calls were made and none was answered.
    package var gotOnlyErrors: Bool { all.answered == 0 && all.failed > 0 }
}

extension GeneratorFacts {
    init(_ results: [LoadRun.Result], threads: Int, coresBusy: Double) {
        self.threads = threads
        self.coresBusy = coresBusy
        var lateness = LatencyHistogram()
        lateCalls = 0
        heldBackCalls = 0
        for account in results.compactMap(\.account) {
            lateness.add(account.lateness)
            lateCalls += account.lateCount
            heldBackCalls += account.heldBackCount
        }
        self.lateness = lateness.summary
        lateShare = lateness.count > 0 ? Double(lateCalls) / Double(lateness.count) : 0
    }
}
