import Vocabulary

/// What usage is added up by.
struct LedgerKey: Hashable, Sendable {
    /// The hour in which a call ended, by its first second since 1970.
    let hour: Int64
    let tenant: TenantID
    /// Nil for calls that name no model there is.
    let model: ModelName?

    static let hourSeconds: Int64 = 3_600

    /// The first second of the hour around a moment.
    static func hour(around seconds: Int64) -> Int64 {
        let rest = seconds % hourSeconds
        return seconds - (rest < 0 ? rest + hourSeconds : rest)
    }

    /// As the columns of a database have it; empty for no model.
    var modelText: String { model?.name ?? "" }
}
