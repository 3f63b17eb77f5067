/// Whom a method is for.
package enum MethodAudience: Hashable, Sendable {
    /// Anybody with a valid certificate: health and reflection.
    case everybody
    /// Tenants, and routers on behalf of one: everything that has to do with models.
    case tenants
    /// Those, and admins: what tells about models and settings.
    case readers
    /// Admins, and tenants that may manage models: what changes which there are.
    case managers
    /// Holders of the admin role.
    case admins
    /// Holders of the router role, for themselves: what shards tell about themselves.
    case routers

    /// The audience of a gRPC path, such as `/grpc.health.v1.Health/Check`.
    ///
    /// A service that is not listed here is for tenants: a new one is then never open by oversight.
    package init(path: String) {
        let service = path.dropFirst().prefix { $0 != "/" }
        self =
            switch service {
            case "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                "grpc.reflection.v1alpha.ServerReflection":
                .everybody
            case "apus.admin.v1.Admin": .admins
            case "apus.shard.v1.Shard": .routers
            case "tei.v1.Info": .readers
            case "inference.GRPCInferenceService": Self(inferenceMethod: path.dropFirst(service.count + 2))
            default: .tenants
            }
    }

    /// The audience of a method of the Open Inference Protocol.
    ///
    /// To run a model is for tenants, to change which there are for those who manage them. Who may change a setting
    /// that both may look at is for its service to say.
    private init(inferenceMethod name: Substring) {
        self =
            switch name {
            case "RepositoryModelLoad", "RepositoryModelUnload": .managers
            case "ModelInfer", "ModelStreamInfer": .tenants
            default: .readers
            }
    }

    /// Whether a call is a request in budgets and in the ledger: those are for work that models do, not for a look at
    /// which there are, or whether the server is well.
    package var isWork: Bool { self == .tenants }

    /// What a tenant needs to be allowed; nil where that is not asked.
    var action: ModelAction? {
        switch self {
        case .tenants: .infer
        case .readers: .inspect
        case .managers: .manage
        case .everybody, .admins, .routers: nil
        }
    }
}
