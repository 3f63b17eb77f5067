import Messages
package import RPC

extension MethodTable {
    /// Registers every method of the health service.
    package mutating func register(_ health: HealthService, through gate: CallGate) {
        register(HealthMethods.check, through: gate) { request, _ in try health.check(request) }
        register(HealthMethods.list, through: gate) { request, _ in try health.list(request) }
        register(serverStream: HealthMethods.watch, through: gate) { request, _, responses in
            try await health.watch(request) { try await responses.write($0) }
        }
    }
}
