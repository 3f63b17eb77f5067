import Messages
import RPC
import Vocabulary

extension MethodTable {
    /// Registers every method of `inference.GRPCInferenceService`.
    mutating func register(_ service: OpenInferenceService, through gate: CallGate) {
        typealias Methods = GRPCInferenceServiceMethods
        register(Methods.serverLive, through: gate) { request, _ in service.serverLive(request) }
        register(Methods.serverReady, through: gate) { request, _ in service.serverReady(request) }
        register(Methods.modelReady, through: gate) { service.modelReady($0, $1) }
        register(Methods.serverMetadata, through: gate) { request, _ in service.serverMetadata(request) }
        register(Methods.modelMetadata, through: gate) { request, _ in try service.modelMetadata(request) }
        register(Methods.modelInfer, through: gate) { bytes, keeper in
            try service.modelInferAtOnce(bytes, keeper)
        } answer: {
            try await service.modelInfer($0, $1)
        }
        register(stream: Methods.modelStreamInfer, through: gate) {
            try await service.modelStreamInfer($0, $1, to: $2)
        }
        register(Methods.modelConfig, through: gate) { request, _ in try service.modelConfig(request) }
        register(Methods.modelStatistics, through: gate) { try service.modelStatistics($0, $1) }
        register(Methods.traceSetting, through: gate) { try service.traceSetting($0, $1) }
        register(Methods.logSettings, through: gate) { try service.logSettings($0, $1) }
        registerRepository(of: service, through: gate)
        registerSharedMemory(of: service, through: gate)
    }

    private mutating func registerRepository(of service: OpenInferenceService, through gate: CallGate) {
        typealias Methods = GRPCInferenceServiceMethods
        register(Methods.repositoryIndex, through: gate) { try await service.repositoryIndex($0, $1) }
        register(Methods.repositoryModelLoad, through: gate) { request, call in
            try await service.repositoryModelLoad(request, call)
        }
        register(Methods.repositoryModelUnload, through: gate) { request, _ in
            try await service.repositoryModelUnload(request)
        }
    }

    private mutating func registerSharedMemory(of service: OpenInferenceService, through gate: CallGate) {
        typealias Methods = GRPCInferenceServiceMethods
        register(Methods.systemSharedMemoryStatus, through: gate) { try service.systemSharedMemoryStatus($0, $1) }
        register(Methods.systemSharedMemoryRegister, through: gate) { try service.systemSharedMemoryRegister($0, $1) }
        register(Methods.systemSharedMemoryUnregister, through: gate) {
            try service.systemSharedMemoryUnregister($0, $1)
        }
        register(Methods.cudaSharedMemoryStatus, through: gate) { _, _ in throw OpenInferenceService.noGPU }
        register(Methods.cudaSharedMemoryRegister, through: gate) { _, _ in throw OpenInferenceService.noGPU }
        register(Methods.cudaSharedMemoryUnregister, through: gate) { _, _ in throw OpenInferenceService.noGPU }
    }
}
