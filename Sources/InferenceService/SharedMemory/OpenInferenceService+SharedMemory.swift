package import Messages
package import Vocabulary

extension OpenInferenceService {
    /// The regions that requests may name.
    ///
    /// - Throws: NOT_FOUND; UNIMPLEMENTED where shared memory is off.
    /// - Source: Triton's system shared memory extension.
    package func systemSharedMemoryStatus(
        _ request: SystemSharedMemoryStatusRequest
    ) throws(ServingError) -> SystemSharedMemoryStatusResponse {
        try requiredRegions().status(request.name)
    }

    /// Registers a region.
    ///
    /// Who registers one names any object that the server may open, so this is for admins; where there is no TLS,
    /// everybody on this machine is one.
    ///
    /// - Throws: PERMISSION_DENIED; UNIMPLEMENTED where shared memory is off; as `SharedMemoryRegions.register`.
    package func systemSharedMemoryRegister(
        _ request: SystemSharedMemoryRegisterRequest, _ call: CallContext
    ) throws(ServingError) -> SystemSharedMemoryRegisterResponse {
        let regions = try requiredRegions()
        if call.peer != nil { try call.requireAdmin(to: "register shared memory") }
        try regions.register(request)
        return SystemSharedMemoryRegisterResponse()
    }

    /// Forgets a region, or all of them.
    ///
    /// - Throws: PERMISSION_DENIED; UNIMPLEMENTED where shared memory is off.
    package func systemSharedMemoryUnregister(
        _ request: SystemSharedMemoryUnregisterRequest, _ call: CallContext
    ) throws(ServingError) -> SystemSharedMemoryUnregisterResponse {
        let regions = try requiredRegions()
        if call.peer != nil { try call.requireAdmin(to: "unregister shared memory") }
        regions.unregister(request.name)
        return SystemSharedMemoryUnregisterResponse()
    }

    /// The answer of the three calls about the memory of GPUs.
    static var noGPU: ServingError {
        ServingError(
            .unimplemented, "CUDA shared memory is not supported: nothing here runs on a GPU", label: "no_gpu")
    }

    private func requiredRegions() throws(ServingError) -> SharedMemoryRegions {
        guard let regions else {
            throw ServingError(
                .unimplemented, "shared memory is off: 'shared_memory: true' in the server's configuration turns it on",
                label: "shared_memory_off")
        }
        return regions
    }
}
