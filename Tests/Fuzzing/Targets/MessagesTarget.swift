package import Messages
import Vocabulary

extension FuzzTarget {
    /// Bytes into the decoder of the message type that the first byte names by its place in `messageTypes`.
    static let messages = FuzzTarget("messages", inputByteCountMax: 16_384, seeds: { MessagesSeeds.all }) { input in
        var cursor = ByteCursor(input)
        let type = messageTypes[Int(cursor.byte()) % messageTypes.count]
        try decode(type, Bytes(copying: cursor.rest))
    }

    /// Every message type there is; new ones go to the end, so that kept inputs keep their meaning.
    package static let messageTypes: [any Message.Type] = [
        ServerLiveRequest.self, ServerLiveResponse.self, ServerReadyRequest.self, ServerReadyResponse.self,
        ModelReadyRequest.self, ModelReadyResponse.self, ServerMetadataRequest.self, ServerMetadataResponse.self,
        ModelMetadataRequest.self, ModelMetadataResponse.self, ModelMetadataResponse.TensorMetadata.self,
        InferParameter.self, InferTensorContents.self, ModelInferRequest.self,
        ModelInferRequest.InferInputTensor.self, ModelInferRequest.InferRequestedOutputTensor.self,
        ModelInferResponse.self, ModelInferResponse.InferOutputTensor.self, TokenSequence.self, GenerateRequest.self,
        GenerateResponse.self, Usage.self, EmbedRequest.self, Embedding.self, EmbedResponse.self, ImageTensor.self,
        ClassifyRequest.self, Classification.self, ClassifyResponse.self, FeatureGraph.self, PredictRequest.self,
        NodePrediction.self, PredictResponse.self, GetStatusRequest.self, GetStatusResponse.self, ModelStatus.self,
        ModelCounters.self, HealthCheckRequest.self, HealthCheckResponse.self, HealthListRequest.self,
        HealthListResponse.self, ServerReflectionRequest.self, ExtensionRequest.self, ServerReflectionResponse.self,
        FileDescriptorResponse.self, ExtensionNumberResponse.self, ListServiceResponse.self, ServiceResponse.self,
        ErrorResponse.self, TokenLogprob.self, TokenLogprobs.self, Choices.self, ModelStreamInferResponse.self,
        ChatMessage.self, Chat.self,
        GetUsageRequest.self, GetUsageResponse.self, UsageRow.self, ListTenantsRequest.self, ListTenantsResponse.self,
        TenantStatus.self, BudgetStatus.self, ModelConfigRequest.self, ModelConfigResponse.self,
        ModelStatisticsRequest.self, StatisticDuration.self, InferStatistics.self, InferResponseStatistics.self,
        InferBatchStatistics.self, MemoryUsage.self, ModelStatistics.self, ModelStatisticsResponse.self,
        ModelRepositoryParameter.self, RepositoryIndexRequest.self, RepositoryIndexResponse.self,
        RepositoryIndexResponse.ModelIndex.self, RepositoryModelLoadRequest.self, RepositoryModelLoadResponse.self,
        RepositoryModelUnloadRequest.self, RepositoryModelUnloadResponse.self, SystemSharedMemoryStatusRequest.self,
        SystemSharedMemoryStatusResponse.self, SystemSharedMemoryStatusResponse.RegionStatus.self,
        SystemSharedMemoryRegisterRequest.self, SystemSharedMemoryRegisterResponse.self,
        SystemSharedMemoryUnregisterRequest.self, SystemSharedMemoryUnregisterResponse.self,
        CudaSharedMemoryStatusRequest.self, CudaSharedMemoryStatusResponse.self,
        CudaSharedMemoryStatusResponse.RegionStatus.self, CudaSharedMemoryRegisterRequest.self,
        CudaSharedMemoryRegisterResponse.self, CudaSharedMemoryUnregisterRequest.self,
        CudaSharedMemoryUnregisterResponse.self, TraceSettingRequest.self, TraceSettingRequest.SettingValue.self,
        TraceSettingResponse.self, TraceSettingResponse.SettingValue.self, LogSettingsRequest.self,
        LogSettingsRequest.SettingValue.self, LogSettingsResponse.self, LogSettingsResponse.SettingValue.self,
        ModelInstanceGroup.self, ModelTensorReshape.self, ModelInput.self, ModelOutput.self, ModelVersionPolicy.self,
        ModelVersionPolicy.Latest.self, ModelVersionPolicy.All.self, ModelVersionPolicy.Specific.self,
        ModelQueuePolicy.self, ModelDynamicBatching.self, ModelSequenceBatching.self, ModelEnsembling.self,
        ModelEnsembling.Step.self, ModelParameter.self, ModelTransactionPolicy.self, ModelResponseCache.self,
        ModelConfig.self, WatchRequest.self, ShardState.self, ShardModel.self, EtcdResponseHeader.self,
        EtcdKeyValue.self, EtcdEvent.self, EtcdRangeRequest.self, EtcdRangeResponse.self, EtcdPutRequest.self,
        EtcdPutResponse.self, EtcdWatchRequest.self, EtcdWatchCreateRequest.self, EtcdWatchResponse.self,
        EtcdLeaseGrantRequest.self, EtcdLeaseGrantResponse.self, EtcdLeaseRevokeRequest.self,
        EtcdLeaseRevokeResponse.self, EtcdLeaseKeepAliveRequest.self, EtcdLeaseKeepAliveResponse.self,
        OTLPAnyValue.self, OTLPKeyValue.self, OTLPInstrumentationScope.self, OTLPResource.self, OTLPResourceSpans.self,
        OTLPScopeSpans.self, OTLPSpan.self, OTLPSpan.Event.self, OTLPSpan.Link.self, OTLPStatus.self,
        OTLPExportTraceServiceRequest.self, OTLPExportTraceServiceResponse.self, OTLPExportTracePartialSuccess.self,
        TEIInfoRequest.self, TEIInfoResponse.self, TEIMetadata.self, TEIEmbedRequest.self, TEIEmbedResponse.self,
        TEIEmbedSparseRequest.self, TEISparseValue.self, TEIEmbedSparseResponse.self, TEIEmbedAllRequest.self,
        TEITokenEmbedding.self, TEIEmbedAllResponse.self, TEIPredictRequest.self, TEIPredictPairRequest.self,
        TEIPrediction.self, TEIPredictResponse.self, TEIRerankRequest.self, TEIRerankStreamRequest.self, TEIRank.self,
        TEIRerankResponse.self, TEIEncodeRequest.self, TEISimpleToken.self, TEIEncodeResponse.self,
        TEIDecodeRequest.self, TEIDecodeResponse.self, EtcdAuthenticateRequest.self, EtcdAuthenticateResponse.self,
        UpdateNodesRequest.self, UpdateNodesResponse.self,
    ]

    /// A message that decodes is encoded as bytes that decode to the same, and to the same bytes.
    private static func decode<M: Message>(_ type: M.Type, _ bytes: Bytes) throws {
        guard let message = try? M(decoding: bytes) else { return }
        let encoded = message.encoded()
        let again: M
        do throws(MessageError) { again = try M(decoding: encoded) } catch {
            throw FuzzFinding(description: "\(M.self) was encoded as what is no \(M.self): \(error)")
        }
        // A number that is not equal to itself makes its message so; arrays, though, equal themselves without a look.
        if try M(decoding: bytes) == message {
            try require(again == message, "\(M.self) did not come back: \(message)")
        }
        try require(again.encoded() == encoded, "\(M.self) has two encodings")
    }
}

/// One rich value of the larger types, and nothing for all others.
private enum MessagesSeeds {
    static let all: [(name: String, bytes: [UInt8])] =
        (FuzzTarget.messageTypes.enumerated().map { ("empty-\($0.element)", [UInt8($0.offset)]) }) + rich

    private static let parameter = ["k": InferParameter(parameterChoice: .stringParam("v"))]

    private static let rich: [(name: String, bytes: [UInt8])] = [
        seed(
            ModelInferRequest(
                modelName: "digits", modelVersion: "1", id: "7",
                parameters: ["p": InferParameter(parameterChoice: .doubleParam(0.5))],
                inputs: [
                    .init(
                        name: "x", datatype: "FP32", shape: [1, -1], parameters: parameter,
                        contents: InferTensorContents(
                            boolContents: [true], intContents: [-1], int64Contents: [-300], uintContents: [1],
                            uint64Contents: [.max], fp32Contents: [1.5], fp64Contents: [.infinity],
                            bytesContents: [Bytes([0])]))
                ], outputs: [.init(name: "y", parameters: parameter)], rawInputContents: [Bytes([1, 2])])),
        seed(
            ModelInferResponse(
                modelName: "m", outputs: [.init(name: "y", datatype: "BOOL", shape: [1], parameters: parameter)],
                rawOutputContents: [Bytes([3])])),
        seed(
            ModelMetadataResponse(
                name: "m", versions: ["1"], platform: "onnx", inputs: [.init(name: "x", datatype: "FP32", shape: [-1])],
                properties: ["a": "b", "c": "d"])),
        seed(
            GenerateRequest(
                model: "s", input: .prompt("Once"), maxTokens: 0, temperature: 0, topK: 4, topP: 0.9, seed: 1,
                stop: ["x"], echo: true, ignoreEndOfText: true, minP: 0.5, logitBias: [3: -1], stopTokens: [4], n: 2)),
        seed(GenerateRequest(constraint: .choices(Choices(texts: ["a", "b"])))),
        seed(GenerateRequest(input: .chat(Chat(messages: [ChatMessage(role: "user", content: "Hi")])))),
        seed(GenerateRequest(model: "s", input: .tokens(TokenSequence(ids: [5, 600])))),
        seed(
            GenerateResponse(
                text: "a", tokens: [7], finishReason: .maxTokens, usage: Usage(promptTokens: 1, queueMicroseconds: 3),
                index: 1, logprobs: [TokenLogprobs(chosen: TokenLogprob(token: 7), top: [TokenLogprob(token: 1)])])),
        seed(EmbedResponse(embeddings: [Embedding(values: [1]), Embedding()], usage: Usage(promptTokens: 4))),
        seed(ClassifyRequest(model: "d", image: .tensor(ImageTensor(datatype: "UINT8", shape: [3])), topK: 3)),
        seed(
            PredictRequest(
                model: "k", nodes: [0, 33],
                graph: FeatureGraph(nodeCount: 2, features: Bytes([0]), edgeSources: [0], edgeTargets: [1]),
                fanout: [5, 0], samplingSeed: .max)),
        seed(
            UpdateNodesRequest(
                model: "k", nodes: [0, 33], featureCount: 1, features: Bytes([0, 0, 128, 63, 0, 0, 0, 64]),
                restoredNodes: [7], restoreAll: true)),
        seed(
            PredictResponse(
                predictions: [NodePrediction(node: 33, scores: [0.25], predictedClass: 1, label: "o")], batchSize: 1)),
        seed(
            GetStatusResponse(
                serverVersion: "0.1",
                models: [ModelStatus(name: "k", modality: .graph, state: .failed, counters: ModelCounters(requests: 1))]
            )),
        seed(HealthListResponse(statuses: ["s": HealthCheckResponse(status: .serving)])),
        seed(
            ServerReflectionRequest(
                host: "h",
                messageRequest: .fileContainingExtension(.init(containingType: "a.B", extensionNumber: -1)))),
        seed(
            ServerReflectionResponse(
                validHost: "h", originalRequest: ServerReflectionRequest(host: "h"),
                messageResponse: .listServicesResponse(.init(service: [.init(name: "a.S")])))),
    ]

    private static func seed<M: Message>(_ message: M) -> (name: String, bytes: [UInt8]) {
        let index = FuzzTarget.messageTypes.firstIndex { $0 == M.self } ?? 0
        let bytes = message.encoded().array
        return ("rich-\(M.self)-\(bytes.count)", [UInt8(index)] + bytes)
    }
}
