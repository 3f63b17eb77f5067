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
    private let acme = TenantID("acme")!

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
        let regions = SharedMemoryRegions(requestByteCountMax: 1000)
        try regions.register(request(object.key, offset: 1, byteCount: 3), for: acme)
        let status = try regions.status("", of: acme).regions
        #expect(status == ["r": .init(name: "r", key: object.key, offset: 1, byteSize: 3)])
        let again = #expect(throws: ServingError.self) {
            try regions.register(request(object.key, byteCount: 1), for: acme)
        }
        #expect(again?.code == .alreadyExists)
        #expect(again?.message == "shared memory region 'r' already in manager")
        #expect(try regions.status("r", of: acme).regions == status)
        regions.unregister("r", of: acme)
        regions.unregister("r", of: acme)
        let unknown = #expect(throws: ServingError.self) { try regions.status("r", of: acme) }
        #expect(unknown?.message == "Unable to find system shared memory region: 'r'")
        for name in ["a", "b"] { try regions.register(request(object.key, name: name, byteCount: 4), for: acme) }
        regions.unregister("", of: acme)
        #expect(try regions.status("", of: acme).regions.isEmpty)
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
            try SharedMemoryRegions(requestByteCountMax: 1000).register(
                request(key ?? object.key, offset: offset, byteCount: byteCount), for: acme)
        }
        #expect(error?.code == .invalidArgument)
    }

    @Test("every offset and length is checked against the region")
    func places() throws {
        let object = try SharedMemoryObject(Array(0..<10))
        let regions = SharedMemoryRegions(requestByteCountMax: 1000)
        try regions.register(request(object.key, offset: 2, byteCount: 6), for: acme)
        let place = try #require(try regions.place(place("r", offset: 1, byteCount: 3), of: acme, tensor: "t"))
        #expect(try place.bytes().array == [3, 4, 5])
        for (offset, byteCount) in [(0, 7), (6, 1), (7, 0), (-1, 1), (1, -1), (.max, 1), (1, .max)] as [(Int64, Int64)]
        {
            let error = #expect(throws: ServingError.self) {
                try regions.place(self.place("r", offset: offset, byteCount: byteCount), of: acme, tensor: "t")
            }
            #expect(error?.code == .invalidArgument, "\(offset) \(byteCount)")
        }
        #expect(
            try regions.place(self.place("r", offset: 6, byteCount: 0), of: acme, tensor: "t")?.bytes().isEmpty == true)
        #expect(try regions.place(self.place(nil, byteCount: 1), of: acme, tensor: "t") == nil)
        let unknown = #expect(throws: ServingError.self) {
            try regions.place(self.place("other", byteCount: 1), of: acme, tensor: "t")
        }
        #expect(unknown?.code == .notFound)
    }

    @Test("a region is its owner's: no other names it, lists it or forgets it, and both may use one name")
    func owners() throws {
        let (object, other) = (try SharedMemoryObject([1, 2]), try SharedMemoryObject([3, 4, 5]))
        let regions = SharedMemoryRegions(requestByteCountMax: 1000)
        try regions.register(request(object.key, byteCount: 2), for: acme)
        for owner in [TenantID("rival"), nil] {
            #expect(try regions.status("", of: owner).regions.isEmpty)
            let unknown = #expect(throws: ServingError.self) {
                try regions.place(place("r", byteCount: 1), of: owner, tensor: "t")
            }
            #expect(unknown?.code == .notFound)
            regions.unregister("", of: owner)
            regions.unregister("r", of: owner)
        }
        try regions.register(request(other.key, byteCount: 3), for: TenantID("rival")!)
        #expect(try regions.status("r", of: acme).regions["r"]?.byteSize == 2)
        #expect(try regions.place(place("r", byteCount: 2), of: acme, tensor: "t")?.bytes().array == [1, 2])
    }

    @Test("a place is compared with shape and type, and all of them with the limit, before any is read")
    func sizes() throws {
        let object = try SharedMemoryObject(Array(repeating: 1, count: 2000))
        let regions = SharedMemoryRegions(requestByteCountMax: 1000)
        try regions.register(request(object.key, byteCount: 2000), for: acme)
        let view = SharedMemoryRegions.View(regions: regions, owner: acme)
        func input(_ shapes: [[Int64]], byteCount: Int64, type: String = "INT16") throws -> InferenceInput {
            try ModelInferRequest(
                modelName: "m",
                inputs: shapes.enumerated().map { index, shape in
                    .init(name: "x\(index)", datatype: type, shape: shape, parameters: place("r", byteCount: byteCount))
                }
            ).inferenceInput(view)
        }
        #expect(try input([[2, 3]], byteCount: 12).tensors[0].tensor.elementCount == 6)
        for shape in [[2, 4], [-1, 6], [.max, .max], [0], []] as [[Int64]] {
            let error = #expect(throws: ServingError.self) { try input([shape], byteCount: 12) }
            #expect(error?.code == .invalidArgument && error?.message.contains("shared_memory_byte_size") == true)
        }
        let error = #expect(throws: ServingError.self) { try input([[255], [255]], byteCount: 510) }
        #expect(error?.code == .resourceExhausted && error?.message.contains("1020 bytes") == true)
        // Of texts only the bytes say how large they are; the limit is the same.
        let texts = #expect(throws: ServingError.self) { try input([[1]], byteCount: 1001, type: "BYTES") }
        #expect(texts?.code == .resourceExhausted)
    }

    @Test("an object that became shorter is an error, neither a crash nor made longer again")
    func shrinks() throws {
        let object = try SharedMemoryObject(Array(repeating: 7, count: 100_000))
        let regions = SharedMemoryRegions(requestByteCountMax: 1000)
        try regions.register(request(object.key, byteCount: 100_000), for: acme)
        let place = try #require(try regions.place(place("r", byteCount: 100_000), of: acme, tensor: "t"))
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
