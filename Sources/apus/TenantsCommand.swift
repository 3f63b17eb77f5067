import ApusClient
import ArgumentParser
import Foundation

/// `apus tenants`: who calls a server, and what they have used.
struct TenantsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenants",
        abstract: "Show who calls a running server, and what they have used.",
        discussion: """
            A tenant is whom a client's certificate names. All of this is for administrators:

              apus certs issue --role admin
              apus tenants list --identity role-admin
              apus tenants usage --since 24h --by model --identity role-admin

            What tenants may do, and how much of it, is said in the section tenancy of the server's configuration.
            """,
        subcommands: [TenantsListCommand.self, TenantsUsageCommand.self])
}

/// `apus tenants list`: every tenant, with its limits.
struct TenantsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the tenants that are configured or have called, with their budgets.")

    @OptionGroup var connection: ClientOptions

    func run() async throws {
        try await connection.withAdministrator("apus tenants list") { client in
            let head = ["TENANT", "LISTED", "WEIGHT", "CALLS NOW", "AT MOST", "MODELS", "BUDGET"]
            let rows = try await client.tenants(timeout: .seconds(30)).map { tenant in
                [
                    tenant.name, tenant.isListed ? "yes" : "no", "\(tenant.weight)", "\(tenant.callsInProgress)",
                    tenant.concurrencyMax.map { "\($0)" } ?? "-", tenant.models?.joined(separator: ",") ?? "all",
                    Self.words(tenant.budgets),
                ]
            }
            Console.write(columns([head] + rows) + "\n")
        }
    }

    private static func words(_ budgets: [TenantInformation.Budget]) -> String {
        let parts = budgets.map { budget in
            let promised = budget.reserved > 0 ? " (+ \(budget.reserved) promised)" : ""
            return "\(budget.spent)\(promised) of \(budget.limit) \(budget.unit)"
        }
        return parts.isEmpty ? "-" : parts.joined(separator: ", ")
    }
}

/// `apus tenants usage`: the ledger.
struct TenantsUsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage",
        abstract: "Show what tenants have used, from the server's ledger.",
        discussion: """
            The ledger adds up by hours: a time within an hour counts from its beginning.

              apus tenants usage --since 24h --by model
              apus tenants usage --tenant acme --since 2026-11-01 --by hour --json

            Compute time counts in full for each call that shared an execution.
            """)

    /// What rows tell apart.
    enum Grouping: String, ExpressibleByArgument, CaseIterable {
        case model
        case hour
    }

    @OptionGroup var connection: ClientOptions

    @Option(help: "One tenant instead of all.")
    var tenant: String?

    @Option(help: "From when on: a duration until now, such as 90min, 24h or 30d, or a date in UTC.")
    var since = "24h"

    @Option(help: "Up to when; now when absent.")
    var until: String?

    @Option(parsing: .singleValue, help: "A row for each model, or each hour; may be repeated.")
    var by: [Grouping] = []

    @Flag(help: "Write JSON.")
    var json = false

    func run() async throws {
        let now = Int64(Date().timeIntervalSince1970)
        let since = Self.hour(of: try Self.moment(self.since, now: now, option: "--since"))
        let until = try self.until.map { try Self.moment($0, now: now, option: "--until") }
        try await connection.withAdministrator("apus tenants usage") { client in
            let rows = try await client.usage(
                of: tenant, since: since, until: until, byModel: by.contains(.model), byHour: by.contains(.hour),
                timeout: .seconds(60))
            Console.write(try json ? Self.json(rows) : columns(table(rows)) + "\n")
        }
    }

    private static func hour(of seconds: Int64) -> Int64 { seconds - seconds % 3_600 }

    /// The moment that an option says, in seconds since 1970.
    static func moment(_ text: String, now: Int64, option: String) throws -> Int64 {
        for (suffix, seconds) in [("min", Int64(60)), ("h", 3_600), ("d", 86_400)] where text.hasSuffix(suffix) {
            guard let number = Int64(text.dropLast(suffix.count)), (0...100_000).contains(number) else { break }
            return max(0, now - number * seconds)
        }
        let strategies = [
            Date.ISO8601FormatStyle().year().month().day(), Date.ISO8601FormatStyle(),
        ]
        for strategy in strategies {
            if let date = try? strategy.parse(text) { return Int64(date.timeIntervalSince1970) }
        }
        throw ValidationError(
            "\(option): expected a duration such as 90min, 24h or 30d, or a date such as 2026-11-01 or "
                + "2026-11-01T12:00:00Z, got \"\(text)\"")
    }

    private func table(_ rows: [TenantUsage]) -> [[String]] {
        let keys = ["TENANT"] + (by.contains(.model) ? ["MODEL"] : []) + (by.contains(.hour) ? ["HOUR"] : [])
        let head =
            keys + [
                "REQUESTS", "FAILED", "PROMPT", "CACHED", "GENERATED", "IMAGES", "NODES", "EDGES", "QUEUE s",
                "COMPUTE s",
            ]
        return [head]
            + rows.map { row in
                [row.tenant] + (by.contains(.model) ? [row.model.isEmpty ? "-" : row.model] : [])
                    + (by.contains(.hour) ? [Self.timestamp(row.hour ?? 0)] : [])
                    + [
                        row.requestCount, row.failureCount, row.promptTokenCount, row.cachedTokenCount,
                        row.generatedTokenCount, row.imageCount, row.nodeCount, row.edgeCount,
                    ].map { "\($0)" }
                    + [row.queueTime, row.computeTime].map { String(format: "%.3f", $0 / .seconds(1)) }
            }
    }

    private static func timestamp(_ seconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    }

    private static func json(_ rows: [TenantUsage]) throws -> String {
        struct Row: Encodable {
            let tenant: String
            let model: String
            let hour: String?
            let requests, failures, prompt_tokens, cached_tokens, generated_tokens, images, nodes, edges: UInt64
            let queue_seconds, compute_seconds: Double
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let data = try encoder.encode(
            rows.map { row in
                Row(
                    tenant: row.tenant, model: row.model, hour: row.hour.map(timestamp), requests: row.requestCount,
                    failures: row.failureCount, prompt_tokens: row.promptTokenCount,
                    cached_tokens: row.cachedTokenCount, generated_tokens: row.generatedTokenCount,
                    images: row.imageCount, nodes: row.nodeCount, edges: row.edgeCount,
                    queue_seconds: row.queueTime / .seconds(1), compute_seconds: row.computeTime / .seconds(1))
            })
        return String(decoding: data, as: UTF8.self) + "\n"
    }
}
