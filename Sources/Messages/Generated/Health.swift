// Made by Proto/generate from grpc/health/v1/health.proto.
// swift-format-ignore-file

/// Whether a server, or one service of it, takes calls.
package enum HealthMethods {
    /// The full name of the service.
    package static let service = "grpc.health.v1.Health"

    /// The status now. NOT_FOUND for a service that the server does not know.
    package static let check = MethodSignature<HealthCheckRequest, HealthCheckResponse>(
        path: "/grpc.health.v1.Health/Check")

    /// The status of every service. RESOURCE_EXHAUSTED when there are more than 100.
    package static let list = MethodSignature<HealthListRequest, HealthListResponse>(
        path: "/grpc.health.v1.Health/List")

    /// The status now, and again whenever it changes, until the caller ends the call. A service that the server does
    /// not know has the status SERVICE_UNKNOWN; the stream stays open in case it appears.
    package static let watch = MethodSignature<HealthCheckRequest, HealthCheckResponse>(
        path: "/grpc.health.v1.Health/Watch", serverStreams: true)
}

/// Asks for the health of a service.
package struct HealthCheckRequest: Message {
    /// The full name of the service; empty for the server as a whole.
    package var service: String

    package init(service: String = "") {
        self.service = service
    }
}

/// The health of a service.
package struct HealthCheckResponse: Message {
    /// Whether a service takes calls.
    package enum ServingStatus: Hashable, Sendable {
        /// The status is not known.
        case unknown
        /// It takes calls.
        case serving
        /// It does not take calls.
        case notServing
        /// The server has no such service; used by `Watch` only.
        case serviceUnknown
        /// A value of a newer schema.
        case unrecognized(Int32)

        /// The value on the wire.
        package var rawValue: Int32 {
            switch self {
            case .unknown: 0
            case .serving: 1
            case .notServing: 2
            case .serviceUnknown: 3
            case .unrecognized(let value): value
            }
        }

        /// Any value has a case.
        package init(rawValue: Int32) {
            switch rawValue {
            case 0: self = .unknown
            case 1: self = .serving
            case 2: self = .notServing
            case 3: self = .serviceUnknown
            default: self = .unrecognized(rawValue)
            }
        }
    }

    /// Whether the service takes calls.
    package var status: HealthCheckResponse.ServingStatus

    package init(status: HealthCheckResponse.ServingStatus = .unknown) {
        self.status = status
    }
}

/// Asks for the health of all services.
package struct HealthListRequest: Message {
    package init() {}
}

/// The health of all services.
package struct HealthListResponse: Message {
    /// By full name of the service; the empty name is the server as a whole.
    package var statuses: [String: HealthCheckResponse]

    package init(statuses: [String: HealthCheckResponse] = [:]) {
        self.statuses = statuses
    }
}
