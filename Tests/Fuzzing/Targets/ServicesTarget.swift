import InferenceService
import Messages
import Vocabulary

extension FuzzTarget {
    /// Request messages into a method of the whole server, with the example models and `identity` behind it.
    ///
    /// The first byte names the method by its place in `ServiceMethod.all`, the second how many messages there are and,
    /// in its highest bit, whether the caller leaves after the first answer; all messages but the last stand behind
    /// their length.
    static let services = FuzzTarget(
        "services", mutationCount: 300, seeds: { ServicesSeeds.all }
    ) { input in
        var cursor = ByteCursor(input)
        let method = ServiceMethod.all[Int(cursor.byte()) % ServiceMethod.all.count]
        let control = cursor.byte()
        var messages = (0..<Int(control & 3)).map { _ in Bytes(copying: cursor.counted()) }
        messages.append(Bytes(copying: cursor.rest))
        try ServicesBench.shared.get().play(method, messages, leavesEarly: control & 0x80 != 0)
    }
}

/// A method that a peer can call, and the reading of its answers.
struct ServiceMethod: Sendable {
    let path: Bytes
    let isResponse: @Sendable (Bytes) -> Bool
    /// Whether it goes on for as long as its caller stays.
    let isEndless: Bool

    private init<Request: Message, Response: Message>(
        _ signature: MethodSignature<Request, Response>, isEndless: Bool = false
    ) {
        path = Bytes(utf8: signature.path)
        isResponse = { (try? Response(decoding: $0)) != nil }
        self.isEndless = isEndless
    }

    /// New ones go to the end, so that kept inputs keep their meaning.
    static let all = [
        ServiceMethod(GRPCInferenceServiceMethods.modelInfer), ServiceMethod(GRPCInferenceServiceMethods.modelMetadata),
        ServiceMethod(GRPCInferenceServiceMethods.modelReady), ServiceMethod(TextMethods.generate),
        ServiceMethod(TextMethods.embed), ServiceMethod(TextMethods.embedMany), ServiceMethod(VisionMethods.classify),
        ServiceMethod(GraphMethods.predict), ServiceMethod(AdminMethods.getStatus),
        ServiceMethod(HealthMethods.check), ServiceMethod(HealthMethods.list),
        ServiceMethod(HealthMethods.watch, isEndless: true),
        ServiceMethod(ServerReflectionMethods.serverReflectionInfo),
    ]

    static func index(of path: String) -> UInt8 {
        UInt8(all.firstIndex { $0.path == Bytes(utf8: path) } ?? 0)
    }
}

/// Requests that the models answer, and some that they do not.
private enum ServicesSeeds {
    static let all: [(name: String, bytes: [UInt8])] = infer + text + others

    private static let infer: [(name: String, bytes: [UInt8])] = [
        (
            "identity-raw",
            inferring(
                ModelInferRequest(
                    modelName: "identity", inputs: [.init(name: "x", datatype: "FP32", shape: [1, 2])],
                    rawInputContents: [Bytes([UInt8](repeating: 1, count: 8))]))
        ),
        (
            "identity-plain",
            inferring(
                ModelInferRequest(
                    modelName: "identity", modelVersion: "1", id: "7",
                    inputs: [
                        .init(name: "x", datatype: "UINT8", shape: [2]), .init(name: "y", datatype: "BOOL", shape: [1]),
                    ], outputs: [.init(name: "y")], rawInputContents: [Bytes([1, 2]), Bytes([1])]))
        ),
        (
            "identity-typed",
            inferring(
                ModelInferRequest(
                    modelName: "identity", modelVersion: "1",
                    inputs: [
                        .init(
                            name: "x", datatype: "BYTES", shape: [2],
                            contents: InferTensorContents(bytesContents: [Bytes([1]), Bytes()])),
                        .init(
                            name: "y", datatype: "INT8", shape: [1], contents: InferTensorContents(intContents: [-1])),
                    ], outputs: [.init(name: "y")]))
        ),
        (
            "identity-strings",
            inferring(
                ModelInferRequest(
                    modelName: "identity", inputs: [.init(name: "s", datatype: "BYTES", shape: [1])],
                    rawInputContents: [Bytes([1, 0, 0, 0, 65])]))
        ),
        (
            "karate-all",
            inferring(
                ModelInferRequest(
                    modelName: "karate", inputs: [.init(name: "nodes", datatype: "INT64", shape: [1])],
                    rawInputContents: [Bytes([33, 0, 0, 0, 0, 0, 0, 0])]))
        ),
        (
            "storyteller-tensors",
            inferring(
                ModelInferRequest(
                    modelName: "storyteller",
                    inputs: [
                        .init(
                            name: "text_input", datatype: "BYTES", shape: [1],
                            contents: InferTensorContents(bytesContents: [Bytes(utf8: "Once")])),
                        .init(
                            name: "max_tokens", datatype: "INT32", shape: [1],
                            contents: InferTensorContents(intContents: [2])),
                    ]))
        ),
        (
            "metadata",
            seed(GRPCInferenceServiceMethods.modelMetadata, ModelMetadataRequest(name: "digits", version: "1"))
        ),
    ]

    private static let text: [(name: String, bytes: [UInt8])] = [
        (
            "generate",
            seed(
                TextMethods.generate,
                GenerateRequest(
                    model: "storyteller", input: .prompt("Once upon"), maxTokens: 3, temperature: 0.5, topK: 4,
                    topP: 0.9, seed: 1, stop: ["x"], echo: true, ignoreEndOfText: true))
        ),
        (
            "generate-tokens",
            seed(
                TextMethods.generate,
                GenerateRequest(model: "storyteller", input: .tokens(TokenSequence(ids: [5, 600])), maxTokens: 2))
        ),
        ("embed", seed(TextMethods.embed, EmbedRequest(model: "storyteller", texts: ["a", "b c"]))),
        (
            "embed-many",
            {
                let message = EmbedRequest(model: "storyteller", texts: ["a"]).encoded().array
                let index = ServiceMethod.index(of: TextMethods.embedMany.path)
                return [index, 1, UInt8(message.count)] + message + message
            }()
        ),
    ]

    private static let others: [(name: String, bytes: [UInt8])] = [
        (
            "classify",
            seed(
                VisionMethods.classify,
                ClassifyRequest(
                    model: "digits",
                    image: .tensor(
                        ImageTensor(
                            datatype: "FP32", shape: [1, 28, 28], data: Bytes([UInt8](repeating: 0, count: 3136)))),
                    topK: 3))
        ),
        (
            "classify-picture",
            seed(VisionMethods.classify, ClassifyRequest(model: "digits", image: .encoded(Bytes(FuzzPicture.png))))
        ),
        ("predict", seed(GraphMethods.predict, PredictRequest(model: "karate", nodes: [0, 33]))),
        (
            "predict-sent",
            seed(
                GraphMethods.predict,
                PredictRequest(
                    model: "karate", nodes: [1],
                    graph: FeatureGraph(
                        nodeCount: 2, featureCount: 34, features: Bytes([UInt8](repeating: 0, count: 272)),
                        edgeSources: [0], edgeTargets: [1])))
        ),
        ("status", seed(AdminMethods.getStatus, GetStatusRequest())),
        ("check", seed(HealthMethods.check, HealthCheckRequest(service: "apus.text.v1.Text"))),
        ("watch", seed(HealthMethods.watch, HealthCheckRequest())),
        (
            "reflect",
            seed(
                ServerReflectionMethods.serverReflectionInfo,
                ServerReflectionRequest(messageRequest: .fileContainingSymbol("inference.InferParameter")))
        ),
    ]

    private static func inferring(_ request: ModelInferRequest) -> [UInt8] {
        seed(GRPCInferenceServiceMethods.modelInfer, request)
    }

    private static func seed<Request: Message, Response: Message>(
        _ method: MethodSignature<Request, Response>, _ request: Request
    ) -> [UInt8] {
        [ServiceMethod.index(of: method.path), 0] + request.encoded().array
    }
}
