import Compute
import Foundation
import Messages
import Models
import Routing
import Testing
import Vocabulary

@testable import Engine
@testable import InferenceService

/// A shared memory object as a client makes one, gone with this object.
final class SharedMemoryObject {
    let key: String
    private let descriptor: Int32

    init(_ bytes: [UInt8]) throws {
        key = "/apus-test-\(UUID().uuidString)"
        descriptor = shm_open(key, O_CREAT | O_EXCL | O_RDWR, 0o600)
        try #require(descriptor >= 0)
        try resize(bytes.count)
        try #require(pwrite(descriptor, bytes, bytes.count, 0) == bytes.count)
    }

    deinit {
        close(descriptor)
        shm_unlink(key)
    }

    func resize(_ byteCount: Int) throws { try #require(ftruncate(descriptor, byteCount) == 0) }

    var bytes: [UInt8] {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        return pread(descriptor, &bytes, bytes.count, 0) == bytes.count ? bytes : []
    }
}

@Suite struct SharedMemoryTests {
    private func request(
        _ key: String, name: String = "r", offset: UInt64 = 0, byteCount: UInt64
    ) -> SystemSharedMemoryRegisterRequest {
        SystemSharedMemoryRegisterRequest(name: name, key: key, offset: offset, byteSize: byteCount)
    }

    private func place(_ region: String?, offset: Int64 = 0, byteCount: Int64) -> [String: InferParameter] {
        var parameters = [
            "shared_memory_byte_size": InferParameter(parameterChoice: .int64Param(byteCount)),
            "shared_memory_offset": InferParameter(parameterChoice: .int64Param(offset)),
        ]
        if let region { parameters["shared_memory_region"] = InferParameter(parameterChoice: .stringParam(region)) }
        return parameters
    }

    @Test("a region is registered once, listed, and forgotten, one or all")
    func registers() throws {
        let object = try SharedMemoryObject([0, 1, 2, 3])
        let regions = SharedMemoryRegions()
        try regions.register(request(object.key, offset: 1, byteCount: 3))
        let status = try regions.status("").regions
        #expect(status == ["r": .init(name: "r", key: object.key, offset: 1, byteSize: 3)])
        let again = #expect(throws: ServingError.self) { try regions.register(request(object.key, byteCount: 1)) }
        #expect(again?.code == .alreadyExists)
        #expect(again?.message == "shared memory region 'r' already in manager")
        #expect(try regions.status("r").regions == status)
        regions.unregister("r")
        regions.unregister("r")
        let unknown = #expect(throws: ServingError.self) { try regions.status("r") }
        #expect(unknown?.message == "Unable to find system shared memory region: 'r'")
        for name in ["a", "b"] { try regions.register(request(object.key, name: name, byteCount: 4)) }
        regions.unregister("")
        #expect(try regions.status("").regions.isEmpty)
    }

    @Test(
        "a region that does not lie in its object, or whose key is none, is refused",
        arguments: [
            (0, 5, nil), (4, 1, nil), (1, 4, nil), (0, 0, nil), (.max, 1, nil), (1, .max, nil),
            (Int64.max.magnitude, 1, nil),
            (0, 4, "/apus-nowhere"), (0, 4, "apus"), (0, 4, "/"), (0, 4, ""), (0, 4, "/a/b"), (0, 4, "/../etc/passwd"),
            (0, 4, "/a\0b"), (0, 4, "/" + String(repeating: "a", count: 300)),
        ] as [(UInt64, UInt64, String?)])
    func refuses(offset: UInt64, byteCount: UInt64, key: String?) throws {
        let object = try SharedMemoryObject([0, 1, 2, 3])
        let error = #expect(throws: ServingError.self) {
            try SharedMemoryRegions().register(
                request(key ?? object.key, offset: offset, byteCount: byteCount))
        }
        #expect(error?.code == .invalidArgument)
    }

    @Test("every offset and length is checked against the region")
    func places() throws {
        let object = try SharedMemoryObject(Array(0..<10))
        let regions = SharedMemoryRegions()
        try regions.register(request(object.key, offset: 2, byteCount: 6))
        let place = try #require(try regions.place(place("r", offset: 1, byteCount: 3), tensor: "t"))
        #expect(try place.bytes().array == [3, 4, 5])
        for (offset, byteCount) in [(0, 7), (6, 1), (7, 0), (-1, 1), (1, -1), (.max, 1), (1, .max)] as [(Int64, Int64)]
        {
            let error = #expect(throws: ServingError.self) {
                try regions.place(self.place("r", offset: offset, byteCount: byteCount), tensor: "t")
            }
            #expect(error?.code == .invalidArgument, "\(offset) \(byteCount)")
        }
        #expect(try regions.place(self.place("r", offset: 6, byteCount: 0), tensor: "t")?.bytes().isEmpty == true)
        #expect(try regions.place(self.place(nil, byteCount: 1), tensor: "t") == nil)
        let unknown = #expect(throws: ServingError.self) {
            try regions.place(self.place("other", byteCount: 1), tensor: "t")
        }
        #expect(unknown?.code == .notFound)
    }

    @Test("an object that became shorter is an error, neither a crash nor made longer again")
    func shrinks() throws {
        let object = try SharedMemoryObject(Array(repeating: 7, count: 100_000))
        let regions = SharedMemoryRegions()
        try regions.register(request(object.key, byteCount: 100_000))
        let place = try #require(try regions.place(place("r", byteCount: 100_000), tensor: "t"))
        try object.resize(10)
        let error = #expect(throws: ServingError.self) { try place.bytes() }
        #expect(error?.message.contains("shorter than when it was registered") == true)
        #expect(!place.region.write(Bytes([1, 2]), at: 9))
        #expect(object.bytes.count == 10)
        #expect(place.region.write(Bytes([1, 2]), at: 8))
        #expect(object.bytes.suffix(3) == [7, 1, 2])
    }

    @Test("tensors come from shared memory and go there, beside others that do not")
    func inference() async throws {
        let object = try SharedMemoryObject([1, 2, 3, 4, 0, 0, 0, 0, 0, 0])
        try await WholeServer.with(allowsSharedMemory: true) { whole in
            try await whole.engine.load(
                EngineModel(batch: IdentityModel(name: ModelName("identity")!, version: ModelVersion(1)!)))
            _ = try await whole.call(
                GRPCInferenceServiceMethods.systemSharedMemoryRegister, request(object.key, byteCount: 10))
            var asked = ModelInferRequest(
                modelName: "identity",
                inputs: [
                    .init(name: "x", datatype: "UINT8", shape: [4], parameters: place("r", byteCount: 4)),
                    .init(name: "y", datatype: "UINT8", shape: [1]),
                ],
                outputs: [.init(name: "y"), .init(name: "x", parameters: place("r", offset: 5, byteCount: 5))],
                rawInputContents: [Bytes([9])])
            let answer = try await whole.call(GRPCInferenceServiceMethods.modelInfer, asked)
            #expect(answer.rawOutputContents.map(\.array) == [[9], []])
            #expect(answer.outputs[1].parameters == place("r", offset: 5, byteCount: 4))
            #expect(answer.outputs[1].shape == [4])
            #expect(object.bytes == [1, 2, 3, 4, 0, 1, 2, 3, 4, 0])
            asked.outputs[1].parameters = place("r", byteCount: 3)
            await #expect(throws: (any Error).self) {
                try await whole.call(GRPCInferenceServiceMethods.modelInfer, asked)
            }
            asked.outputs = []
            asked.rawInputContents.append(Bytes([9]))
            await #expect(throws: (any Error).self) {
                try await whole.call(GRPCInferenceServiceMethods.modelInfer, asked)
            }
        }
    }
}
