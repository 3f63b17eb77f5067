package import Vocabulary

/// Why a model comes into memory, which decides how much its loading may disturb those that are there.
package enum LoadOccasion: Equatable, Sendable {
    /// It is new, or its files are; nobody waits for it.
    case change
    /// Somebody has asked for it to be loaded, and waits until it is.
    case request
    /// A call waits for it.
    case call(by: TenantID?)

    /// For whom room is made; nil for nobody.
    var tenant: TenantID? { if case .call(let tenant) = self { tenant } else { nil } }
}

extension Engine {
    /// How a model is read and warmed up while others run.
    ///
    /// Who waits for it, and everybody behind, must not wait for a moment in which no processor has anything to do.
    func pace(of occasion: LoadOccasion) -> ThreadPace {
        guard hasModels else { return .usual }
        return switch occasion {
        case .change: .givingWay
        case .request: .steppingBack
        case .call: .hurrying
        }
    }
}
