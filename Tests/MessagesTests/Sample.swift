import Testing
import Vocabulary

@testable import Messages

/// A value of some message type and the same in protobuf's text format, with every field set to something that shows.
///
/// Maps have one entry each: protoc orders several by no rule that we could follow. None has an empty key, which
/// protoc writes out and protobuf-c leaves away; readers know both.
struct Sample: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let bytes: Bytes
    /// Decodes bytes as a message of this type, and encodes what came out.
    let recode: @Sendable (Bytes) throws -> Bytes
    /// Whether bytes decode to the value of this sample.
    let isEqual: @Sendable (Bytes) throws -> Bool

    init<M: StoredMessage>(_ value: M, _ text: String) {
        self.name = M.storedType.name
        self.text = text
        self.bytes = value.encoded()
        self.recode = { try M(decoding: $0).encoded() }
        self.isEqual = { try M(decoding: $0) == value }
    }

    var testDescription: String { name }

    static let all =
        inference + extensions + text + embeddingsInference + vision + graph + admin + shard + etcd + health
        + reflection + spans

    private static let inference = [
        Sample(ServerLiveRequest(), ""),
        Sample(ServerLiveResponse(live: true), "live: true"),
        Sample(ServerReadyRequest(), ""),
        Sample(ServerReadyResponse(ready: true), "ready: true"),
        Sample(ModelReadyRequest(name: "digits", version: "3"), #"name: "digits" version: "3""#),
        Sample(ModelReadyResponse(ready: true), "ready: true"),
        Sample(ServerMetadataRequest(), ""),
        Sample(
            ServerMetadataResponse(name: "apus", version: "0.1", extensions: ["a", "", "b"]),
            #"name: "apus" version: "0.1" extensions: ["a", "", "b"]"#),
        Sample(ModelMetadataRequest(name: "digits", version: "3"), #"name: "digits" version: "3""#),
        Sample(
            ModelMetadataResponse(
                name: "digits", versions: ["1", "2"], platform: "onnx",
                inputs: [.init(name: "x", datatype: "FP32", shape: [-1, 1, 28, 28]), .init()],
                outputs: [.init(name: "y", datatype: "INT64", shape: [.min, .max])], properties: ["licence": "MIT"]),
            #"""
            name: "digits" versions: ["1", "2"] platform: "onnx"
            inputs { name: "x" datatype: "FP32" shape: [-1, 1, 28, 28] } inputs {}
            outputs { name: "y" datatype: "INT64" shape: [-9223372036854775808, 9223372036854775807] }
            properties { key: "licence" value: "MIT" }
            """#),
        Sample(InferParameter(parameterChoice: .boolParam(false)), "bool_param: false"),
        Sample(InferParameter(parameterChoice: .int64Param(-7)), "int64_param: -7"),
        Sample(InferParameter(parameterChoice: .stringParam("")), #"string_param: """#),
        Sample(InferParameter(parameterChoice: .doubleParam(0.1)), "double_param: 0.1"),
        Sample(InferParameter(parameterChoice: .uint64Param(.max)), "uint64_param: 18446744073709551615"),
        Sample(
            InferTensorContents(
                boolContents: [true, false], intContents: [-1, 1], int64Contents: [-300, 300], uintContents: [1, .max],
                uint64Contents: [.max], fp32Contents: [1.5, -0.0], fp64Contents: [0.1, .infinity],
                bytesContents: [Bytes([0, 255]), Bytes()]),
            #"""
            bool_contents: [true, false] int_contents: [-1, 1] int64_contents: [-300, 300]
            uint_contents: [1, 4294967295] uint64_contents: 18446744073709551615 fp32_contents: [1.5, -0.0]
            fp64_contents: [0.1, inf] bytes_contents: ["\000\377", ""]
            """#),
        Sample(
            ModelInferRequest(
                modelName: "digits", modelVersion: "1", id: "nul \0 and ünïcödé 🐦",
                parameters: ["p": InferParameter(parameterChoice: .boolParam(true))],
                inputs: [
                    .init(
                        name: "x", datatype: "UINT8", shape: [2, 1],
                        parameters: ["k\0": InferParameter(parameterChoice: .stringParam("v\0"))],
                        contents: InferTensorContents(uintContents: [7, 8]))
                ],
                outputs: [.init(name: "y", parameters: ["k": InferParameter(parameterChoice: .int64Param(1))])],
                rawInputContents: [Bytes([1, 2]), Bytes()]),
            #"""
            model_name: "digits" model_version: "1" id: "nul \000 and ünïcödé 🐦"
            parameters { key: "p" value { bool_param: true } }
            inputs {
              name: "x" datatype: "UINT8" shape: [2, 1]
              parameters { key: "k\000" value { string_param: "v\000" } } contents { uint_contents: [7, 8] }
            }
            outputs { name: "y" parameters { key: "k" value { int64_param: 1 } } }
            raw_input_contents: ["\001\002", ""]
            """#),
        Sample(
            ModelInferResponse(
                modelName: "digits", modelVersion: "1", id: "7",
                parameters: ["k": InferParameter(parameterChoice: .doubleParam(2.5))],
                outputs: [
                    .init(
                        name: "y", datatype: "BOOL", shape: [1],
                        parameters: ["k": InferParameter(parameterChoice: .uint64Param(1))],
                        contents: InferTensorContents(boolContents: [true]))
                ], rawOutputContents: [Bytes([3])]),
            #"""
            model_name: "digits" model_version: "1" id: "7" parameters { key: "k" value { double_param: 2.5 } }
            outputs {
              name: "y" datatype: "BOOL" shape: 1 parameters { key: "k" value { uint64_param: 1 } }
              contents { bool_contents: true }
            }
            raw_output_contents: "\003"
            """#),
        Sample(
            ModelStreamInferResponse(
                errorMessage: "no", inferResponse: ModelInferResponse(modelName: "m", id: "7")),
            #"error_message: "no" infer_response { model_name: "m" id: "7" }"#),
    ]

    private static let text = [
        Sample(TokenSequence(ids: [0, 1, .max]), "ids: [0, 1, 4294967295]"),
        Sample(
            GenerateRequest(
                model: "storyteller", version: "1", input: .prompt("Once upon"), maxTokens: 0, temperature: 0, topK: 40,
                topP: 0.9, seed: 0, stop: ["\n\n", "END"], echo: true, ignoreEndOfText: true, minP: 0.25,
                repetitionPenalty: 1.5,
                presencePenalty: -2, frequencyPenalty: 0, logitBias: [1: -100, 70_000: 0.5], stopTokens: [2, 9],
                logprobs: 0, n: 3, constraint: .regex("a+"), cacheSalt: "user-7"),
            #"""
            model: "storyteller" version: "1" prompt: "Once upon" max_tokens: 0 temperature: 0 top_k: 40 top_p: 0.9
            seed: 0 stop: ["\n\n", "END"] echo: true ignore_end_of_text: true
            min_p: 0.25 repetition_penalty: 1.5 presence_penalty: -2 frequency_penalty: 0
            logit_bias { key: 1 value: -100 } logit_bias { key: 70000 value: 0.5 } stop_tokens: [2, 9] logprobs: 0 n: 3
            regex: "a+" cache_salt: "user-7"
            """#),
        Sample(
            GenerateRequest(model: "storyteller", input: .tokens(TokenSequence(ids: [5, 6]))),
            #"model: "storyteller" tokens { ids: [5, 6] }"#),
        Sample(
            GenerateRequest(
                input: .chat(
                    Chat(
                        messages: [ChatMessage(role: "user", content: "nul \0"), ChatMessage()],
                        addGenerationPrompt: false, variables: "{}"))),
            #"""
            chat {
              messages { role: "user" content: "nul \000" } messages {} add_generation_prompt: false variables: "{}"
            }
            """#),
        Sample(ChatMessage(role: "r", content: "c"), #"role: "r" content: "c""#),
        Sample(Chat(addGenerationPrompt: true), "add_generation_prompt: true"),
        Sample(
            GenerateResponse(
                text: " a time", tokens: [7, 8], finishReason: .maxTokens,
                usage: Usage(
                    promptTokens: 1, generatedTokens: 2, queueMicroseconds: 3, computeMicroseconds: 1 << 40,
                    cachedTokens: 5),
                index: 2,
                logprobs: [
                    TokenLogprobs(
                        chosen: TokenLogprob(token: 7, logprob: -0.5), top: [TokenLogprob(token: 1, logprob: -0.25)]),
                    TokenLogprobs(chosen: TokenLogprob(token: 8)),
                ]),
            #"""
            text: " a time" tokens: [7, 8] finish_reason: FINISH_REASON_MAX_TOKENS
            usage {
              prompt_tokens: 1 generated_tokens: 2 queue_microseconds: 3 compute_microseconds: 1099511627776
              cached_tokens: 5
            }
            index: 2
            logprobs { chosen { token: 7 logprob: -0.5 } top { token: 1 logprob: -0.25 } }
            logprobs { chosen { token: 8 } }
            """#),
        Sample(
            GenerateRequest(constraint: .choices(Choices(texts: ["yes", ""]))), #"choices { texts: ["yes", ""] }"#),
        Sample(GenerateRequest(constraint: .jsonSchema("{}")), #"json_schema: "{}""#),
        Sample(GenerateRequest(constraint: .json(true)), "json: true"),
        Sample(Choices(texts: ["a"]), #"texts: "a""#),
        Sample(TokenLogprob(token: 3, logprob: -2), "token: 3 logprob: -2"),
        Sample(TokenLogprobs(top: [TokenLogprob(token: 3, logprob: -2)]), "top { token: 3 logprob: -2 }"),
        Sample(Usage(promptTokens: .max), "prompt_tokens: 4294967295"),
        Sample(
            EmbedRequest(model: "m", version: "2", texts: ["a", "b"], keepLength: true, truncate: true),
            #"model: "m" version: "2" texts: ["a", "b"] keep_length: true truncate: true"#),
        Sample(Embedding(values: [0, -1.25]), "values: [0, -1.25]"),
        Sample(
            EmbedResponse(embeddings: [Embedding(values: [1]), Embedding()], usage: Usage(promptTokens: 4)),
            "embeddings { values: 1 } embeddings {} usage { prompt_tokens: 4 }"),
    ]

    private static let vision = [
        Sample(
            ImageTensor(datatype: "FP32", shape: [1, 1, 1], data: Bytes([0, 0, 128, 63])),
            #"datatype: "FP32" shape: [1, 1, 1] data: "\000\000\200?""#),
        Sample(
            ClassifyRequest(model: "digits", version: "1", image: .encoded(Bytes([0xFF, 0xD8])), topK: 3),
            #"model: "digits" version: "1" encoded: "\377\330" top_k: 3"#),
        Sample(
            ClassifyRequest(model: "digits", image: .tensor(ImageTensor(datatype: "UINT8", shape: [3]))),
            #"model: "digits" tensor { datatype: "UINT8" shape: 3 }"#),
        Sample(Classification(index: 7, label: "seven", score: 0.5), #"index: 7 label: "seven" score: 0.5"#),
        Sample(
            ClassifyResponse(
                classifications: [Classification(index: 7, label: "seven", score: 0.5), Classification()],
                queueMicroseconds: 1, computeMicroseconds: 2, batchSize: 3),
            #"""
            classifications { index: 7 label: "seven" score: 0.5 } classifications {}
            queue_microseconds: 1 compute_microseconds: 2 batch_size: 3
            """#),
    ]

    private static let graph = [
        Sample(
            FeatureGraph(
                nodeCount: 2, featureCount: 1, features: Bytes([0, 0, 128, 63, 0, 0, 0, 64]), edgeSources: [0, 1],
                edgeTargets: [1, 0]),
            #"""
            node_count: 2 feature_count: 1 features: "\000\000\200?\000\000\000@"
            edge_sources: [0, 1] edge_targets: [1, 0]
            """#),
        Sample(
            PredictRequest(
                model: "karate", version: "1", nodes: [0, 33], graph: FeatureGraph(nodeCount: 34), fanout: [5, 0],
                samplingSeed: .max),
            #"""
            model: "karate" version: "1" nodes: [0, 33] graph { node_count: 34 } fanout: [5, 0]
            sampling_seed: 18446744073709551615
            """#),
        Sample(
            UpdateNodesRequest(
                model: "karate", version: "1", nodes: [0, 33], featureCount: 1,
                features: Bytes([0, 0, 128, 63, 0, 0, 0, 64]), restoredNodes: [7], restoreAll: true),
            #"""
            model: "karate" version: "1" nodes: [0, 33] feature_count: 1 features: "\000\000\200?\000\000\000@"
            restored_nodes: 7 restore_all: true
            """#),
        Sample(UpdateNodesResponse(updatedNodes: 2, updatedBytes: 136), "updated_nodes: 2 updated_bytes: 136"),
        Sample(
            NodePrediction(node: 33, scores: [0.25, 0.75], predictedClass: 1, label: "officer"),
            #"node: 33 scores: [0.25, 0.75] predicted_class: 1 label: "officer""#),
        Sample(
            PredictResponse(
                predictions: [NodePrediction(node: 1), NodePrediction()], queueMicroseconds: 1, computeMicroseconds: 2,
                batchSize: 3),
            "predictions { node: 1 } predictions {} queue_microseconds: 1 compute_microseconds: 2 batch_size: 3"),
    ]

    private static let admin = [
        Sample(GetStatusRequest(), ""),
        Sample(
            ModelCounters(
                requests: 1, failures: 2, executions: 3, samples: 4, queueDepth: 5, generatedTokens: 6,
                cachePagesUsed: 7, cachePagesTotal: 8),
            """
            requests: 1 failures: 2 executions: 3 samples: 4 queue_depth: 5 generated_tokens: 6 cache_pages_used: 7
            cache_pages_total: 8
            """),
        Sample(
            ModelStatus(
                name: "karate", version: "1", modality: .graph, state: .failed, stateReason: "no weights",
                counters: ModelCounters(requests: 1), shards: ["10.0.0.5:8461"], residentBytes: 6),
            #"""
            name: "karate" version: "1" modality: MODALITY_GRAPH state: MODEL_STATE_FAILED state_reason: "no weights"
            counters { requests: 1 } shards: "10.0.0.5:8461" resident_bytes: 6
            """#),
        Sample(
            GetStatusResponse(
                serverVersion: "0.1", uptimeMicroseconds: 9, models: [ModelStatus(name: "karate", modality: .vision)]),
            #"server_version: "0.1" uptime_microseconds: 9 models { name: "karate" modality: MODALITY_VISION }"#),
        Sample(
            GetUsageRequest(tenant: "acme", since: -1, until: 7, byModel: true, byHour: true),
            #"tenant: "acme" since: -1 until: 7 by_model: true by_hour: true"#),
        Sample(GetUsageResponse(rows: [UsageRow(), UsageRow(tenant: "a")]), #"rows {} rows { tenant: "a" }"#),
        Sample(
            UsageRow(
                tenant: "a", model: "m", hour: 3_600, requests: 1, failures: 2, promptTokens: 3, cachedTokens: 4,
                generatedTokens: 5, images: 6, nodes: 7, edges: 8, queueMicroseconds: 9, computeMicroseconds: 10),
            #"""
            tenant: "a" model: "m" hour: 3600 requests: 1 failures: 2 prompt_tokens: 3 cached_tokens: 4
            generated_tokens: 5 images: 6 nodes: 7 edges: 8 queue_microseconds: 9 compute_microseconds: 10
            """#),
        Sample(ListTenantsRequest(), ""),
        Sample(ListTenantsResponse(tenants: [TenantStatus(name: "a")]), #"tenants { name: "a" }"#),
        Sample(
            TenantStatus(
                name: "a", listed: true, weight: 4, callsInProgress: 5, maxConcurrency: 6, models: ["x", "y"],
                budget: [BudgetStatus(unit: "tokens")]),
            #"""
            name: "a" listed: true weight: 4 calls_in_progress: 5 max_concurrency: 6 models: ["x", "y"]
            budget { unit: "tokens" }
            """#),
        Sample(
            BudgetStatus(unit: "tokens", limit: 1, spent: 2, reserved: 3, resetsAt: 4),
            #"unit: "tokens" limit: 1 spent: 2 reserved: 3 resets_at: 4"#),
    ]

    private static let shard = [
        Sample(WatchRequest(), ""),
        Sample(
            ShardState(models: [ShardModel(), ShardModel(name: "m")], draining: true),
            #"models {} models { name: "m" } draining: true"#),
        Sample(
            ShardModel(
                name: "m", version: "3", expectedWaitMicroseconds: 4, serviceMicroseconds: 5, modality: "text",
                task: .embed),
            #"""
            name: "m" version: "3" expected_wait_microseconds: 4 service_microseconds: 5 modality: "text"
            task: MODEL_TASK_EMBED
            """#),
        Sample(ShardModel(task: .unrecognized(77)), "task: 77"),
    ]

    private static let health = [
        Sample(HealthCheckRequest(service: "inference.X"), #"service: "inference.X""#),
        Sample(HealthCheckResponse(status: .serviceUnknown), "status: SERVICE_UNKNOWN"),
        Sample(HealthListRequest(), ""),
        Sample(
            HealthListResponse(statuses: ["s": HealthCheckResponse(status: .serving)]),
            #"statuses { key: "s" value { status: SERVING } }"#),
    ]

    private static let reflection = [
        Sample(
            ServerReflectionRequest(host: "h", messageRequest: .fileByFilename("a.proto")),
            #"host: "h" file_by_filename: "a.proto""#),
        Sample(
            ServerReflectionRequest(messageRequest: .fileContainingSymbol("a.B")), #"file_containing_symbol: "a.B""#),
        Sample(
            ServerReflectionRequest(
                messageRequest: .fileContainingExtension(.init(containingType: "a.B", extensionNumber: -1))),
            #"file_containing_extension { containing_type: "a.B" extension_number: -1 }"#),
        Sample(
            ServerReflectionRequest(messageRequest: .allExtensionNumbersOfType("a.B")),
            #"all_extension_numbers_of_type: "a.B""#),
        Sample(ServerReflectionRequest(messageRequest: .listServices("")), #"list_services: """#),
        Sample(ExtensionRequest(containingType: "a", extensionNumber: 1), #"containing_type: "a" extension_number: 1"#),
        Sample(
            ServerReflectionResponse(
                validHost: "h", originalRequest: ServerReflectionRequest(host: "h"),
                messageResponse: .fileDescriptorResponse(.init(fileDescriptorProto: [Bytes([1]), Bytes()]))),
            #"""
            valid_host: "h" original_request { host: "h" }
            file_descriptor_response { file_descriptor_proto: ["\001", ""] }
            """#),
        Sample(
            ServerReflectionResponse(
                messageResponse: .allExtensionNumbersResponse(.init(baseTypeName: "a.B", extensionNumber: [1, 2]))),
            #"all_extension_numbers_response { base_type_name: "a.B" extension_number: [1, 2] }"#),
        Sample(
            ServerReflectionResponse(messageResponse: .listServicesResponse(.init(service: [.init(name: "a.S")]))),
            #"list_services_response { service { name: "a.S" } }"#),
        Sample(
            ServerReflectionResponse(messageResponse: .errorResponse(.init(errorCode: 5, errorMessage: "none"))),
            #"error_response { error_code: 5 error_message: "none" }"#),
        Sample(FileDescriptorResponse(fileDescriptorProto: [Bytes([1])]), #"file_descriptor_proto: "\001""#),
        Sample(
            ExtensionNumberResponse(baseTypeName: "a", extensionNumber: [9]),
            #"base_type_name: "a" extension_number: 9"#
        ),
        Sample(ListServiceResponse(service: [ServiceResponse(name: "s")]), #"service { name: "s" }"#),
        Sample(ServiceResponse(name: "s"), #"name: "s""#),
        Sample(ErrorResponse(errorCode: -5, errorMessage: "none"), #"error_code: -5 error_message: "none""#),
    ]
}
