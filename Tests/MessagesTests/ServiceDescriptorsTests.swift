import Foundation
import Testing
import Vocabulary

@testable import Messages

@Suite struct ServiceDescriptorsTests {
    @Test("the services are those in Proto/")
    func services() {
        #expect(
            ServiceDescriptors.apus.services == [
                "apus.admin.v1.Admin", "apus.graph.v1.Graph", "apus.shard.v1.Shard", "apus.text.v1.Text",
                "apus.vision.v1.Vision", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                "grpc.reflection.v1alpha.ServerReflection", "inference.GRPCInferenceService",
                "tei.v1.Embed", "tei.v1.Info", "tei.v1.Predict", "tei.v1.Rerank", "tei.v1.Tokenize",
            ])
        #expect(ServiceDescriptors.apus.services.contains(GRPCInferenceServiceMethods.service))
    }

    @Test(
        "S171: a name of any kind leads to its file",
        arguments: [
            ("inference.GRPCInferenceService", "inference.proto"),
            ("inference.GRPCInferenceService.ModelInfer", "inference.proto"),
            ("inference.ModelInferRequest", "inference.proto"),
            ("inference.ModelConfig", "inference_config.proto"),
            ("inference.ModelInferRequest.raw_input_contents", "inference.proto"),
            ("inference.ModelInferRequest.InferInputTensor", "inference.proto"),
            ("inference.ModelInferRequest.InferInputTensor.shape", "inference.proto"),
            ("inference.InferParameter.parameter_choice", "inference.proto"),
            ("apus.text.v1.FinishReason", "apus/text/v1/text.proto"),
            ("apus.text.v1.FINISH_REASON_STOP", "apus/text/v1/text.proto"),
            ("grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"),
            ("grpc.health.v1.HealthCheckResponse.SERVING", "grpc/health/v1/health.proto"),
            ("grpc.reflection.v1alpha.ErrorResponse", "grpc/reflection/v1alpha/reflection.proto"),
        ])
    func symbols(symbol: String, fileName: String) throws {
        let files = try #require(ServiceDescriptors.apus.files(declaring: symbol))
        // What it imports comes behind it.
        #expect(files.first.map { WireReader.text(of: $0, number: 1) } == fileName)
        #expect(ServiceDescriptors.apus.files(named: fileName) == files)
    }

    @Test(
        "a name that nothing has leads nowhere",
        arguments: [
            "", ".", "inference", ".inference.ModelInferRequest", "inference.modelinferrequest", "ModelInferRequest",
        ])
    func unknownSymbols(_ symbol: String) {
        #expect(ServiceDescriptors.apus.files(declaring: symbol) == nil)
        #expect(ServiceDescriptors.apus.files(named: symbol) == nil)
        #expect(!ServiceDescriptors.apus.isMessageType(symbol))
    }

    @Test("S171: a file comes with what it imports, directly or not, each once")
    func dependencies() {
        // A FileDescriptorSet of files that import each other in a diamond; `missing` is not in the set.
        let set = [("a", ["b", "c"]), ("b", ["d"]), ("c", ["d", "missing"]), ("d", []), ("e", [])].flatMap { file in
            lengthPrefixed(1, lengthPrefixed(1, file.0.utf8) + file.1.flatMap { lengthPrefixed(3, $0.utf8) })
        }
        let descriptors = ServiceDescriptors(fileDescriptorSet: Bytes(set))
        let names = descriptors.files(named: "a")?.map { WireReader.text(of: $0, number: 1) }
        #expect(names == ["a", "b", "c", "d"])
        #expect(descriptors.files(named: "missing") == nil)
    }

    private func lengthPrefixed(_ number: UInt8, _ contents: some Collection<UInt8>) -> [UInt8] {
        [number << 3 | 2, UInt8(contents.count)] + contents
    }

    /// The messages of v1 serve calls of v1alpha because of this.
    @Test("reflection v1alpha is v1 under another name")
    func alpha() throws {
        func declarations(_ version: String) throws -> String {
            let file = ProtobufTools.protoFolder.appending(path: "grpc/reflection/\(version)/reflection.proto")
            let text = try String(contentsOf: file, encoding: .utf8)
            return text.drop { $0 != "\n" }.replacing("package grpc.reflection.\(version);", with: "")
                .split(separator: "\n").filter { !$0.hasPrefix("//") }.joined(separator: "\n")
        }
        #expect(try declarations("v1") == declarations("v1alpha"))
    }

    @Test("what is committed is what Proto/generate makes", .enabled(if: ProtobufTools.canGenerate))
    func generated() throws {
        let outcome = try ProtobufTools.check.get()
        #expect(outcome.status == 0, "\(String(decoding: outcome.output, as: UTF8.self)) \(outcome.errors)")
    }

    /// What bounds the stack that decoding takes, whatever bytes come in.
    @Test("the generator refuses a message type that contains itself", .enabled(if: ProtobufTools.canGenerate))
    func recursion() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "apus-recursion-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let schema = """
            syntax = "proto3";
            package r;
            // Out.
            message Out {
              // In.
              In in = 1;
            }
            // In.
            message In {
              // Out.
              repeated Out out = 1;
            }
            """
        try schema.write(to: folder.appending(path: "r.proto"), atomically: true, encoding: .utf8)
        let set = folder.appending(path: "set").path
        let compiled = try ProtobufTools.run(
            URL(filePath: "/usr/bin/protoc"),
            ["-I\(folder.path)", "--include_source_info", "--descriptor_set_out=\(set)", "r.proto"])
        try #require(compiled.status == 0, "\(compiled.errors)")
        let outcome = try ProtobufTools.run(
            URL(filePath: "/usr/bin/env"), ["python3", "swift_messages.py", set, folder.path])
        #expect(outcome.status != 0)
        #expect(outcome.errors.contains("r.Out contains itself"))
    }
}
