import Messages
package import RPC

extension MethodTable {
    /// Registers reflection under both of its names.
    package mutating func register(_ reflection: ReflectionService, through gate: CallGate) {
        for signature in [ServerReflectionMethods.serverReflectionInfo, ReflectionService.alphaSignature] {
            register(stream: signature, through: gate) { requests, _, responses in
                while let request = try await requests.next() {
                    try await responses.write(reflection.answer(request))
                }
            }
        }
    }
}
