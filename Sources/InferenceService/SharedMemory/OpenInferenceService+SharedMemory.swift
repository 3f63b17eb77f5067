package import Messages
package import Vocabulary

extension OpenInferenceService {
    /// The regions that requests of the caller may name; of the tenant that an admin names, see `owner`.
    ///
    /// - Throws: NOT_FOUND; UNIMPLEMENTED where shared memory is off.
    /// - Source: Triton's system shared memory extension.
    package func systemSharedMemoryStatus(
        _ request: SystemSharedMemoryStatusRequest, _ call: CallContext
    ) throws(ServingError) -> SystemSharedMemoryStatusResponse {
        try requiredRegions().status(request.name, of: try owner(call))
    }

    /// Registers a region.
    ///
    /// Who registers one names any object that the server may open, so this is for admins, who say by
    /// `apus-region-tenant` in the metadata whose region it is; where there is no TLS, everybody here is one.
    ///
    /// - Throws: PERMISSION_DENIED; UNIMPLEMENTED where shared memory is off; as `SharedMemoryRegions.register`.
    package func systemSharedMemoryRegister(
        _ request: SystemSharedMemoryRegisterRequest, _ call: CallContext
    ) throws(ServingError) -> SystemSharedMemoryRegisterResponse {
        let regions = try requiredRegions()
        if call.peer != nil { try call.requireAdmin(to: "register shared memory") }
        try regions.register(request, for: try owner(call))
        return SystemSharedMemoryRegisterResponse()
    }

    /// Forgets a region, or all of the tenant's.
    ///
    /// - Throws: PERMISSION_DENIED; UNIMPLEMENTED where shared memory is off.
    package func systemSharedMemoryUnregister(
        _ request: SystemSharedMemoryUnregisterRequest, _ call: CallContext
    ) throws(ServingError) -> SystemSharedMemoryUnregisterResponse {
        let regions = try requiredRegions()
        if call.peer != nil { try call.requireAdmin(to: "unregister shared memory") }
        regions.unregister(request.name, of: try owner(call))
        return SystemSharedMemoryUnregisterResponse()
    }

    /// The answer of the three calls about the memory of GPUs.
    static var noGPU: ServingError {
        ServingError(
            .unimplemented, "CUDA shared memory is not supported: nothing here runs on a GPU", label: "no_gpu")
    }

    /// Whose regions a call is about; nil for a caller without a tenant, whose regions nobody else may name.
    ///
    /// - Throws: INVALID_ARGUMENT for a tenant that cannot be.
    private func owner(_ call: CallContext) throws(ServingError) -> TenantID? {
        guard let name = call.namedTenant else { return call.tenant }
        guard let tenant = TenantID(name) else {
            throw ServingError(
                .invalidArgument,
                "apus-region-tenant: expected 1 to 63 characters of a-z 0-9 . _ -, a letter or digit first",
                label: "bad_tenant_name")
        }
        return tenant
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
