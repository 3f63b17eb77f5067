import Vocabulary

@testable import Messages

/// The messages that Triton has beside the core of the Open Inference Protocol.
extension Sample {
    static let extensions = configuration + statistics + repository + sharedMemory + settings

    private static let configuration = [
        Sample(ModelConfigRequest(name: "digits", version: "3"), #"name: "digits" version: "3""#),
        Sample(ModelInstanceGroup(name: "g", count: 1, kind: .cpu), #"name: "g" count: 1 kind: KIND_CPU"#),
        Sample(ModelTensorReshape(shape: [1, -1]), "shape: [1, -1]"),
        Sample(
            ModelInput(
                name: "x", dataType: .typeBf16, format: .nchw, dims: [3, -1], reshape: ModelTensorReshape(shape: [3]),
                isShapeTensor: true, allowRaggedBatch: true, optional: true),
            #"""
            name: "x" data_type: TYPE_BF16 format: FORMAT_NCHW dims: [3, -1] reshape { shape: 3 }
            is_shape_tensor: true allow_ragged_batch: true optional: true
            """#),
        Sample(
            ModelOutput(
                name: "y", dataType: .typeString, dims: [10], labelFilename: "labels.txt",
                reshape: ModelTensorReshape(shape: [10]), isShapeTensor: true),
            #"""
            name: "y" data_type: TYPE_STRING dims: 10 label_filename: "labels.txt" reshape { shape: 10 }
            is_shape_tensor: true
            """#),
        Sample(ModelVersionPolicy(policyChoice: .latest(.init(numVersions: 2))), "latest { num_versions: 2 }"),
        Sample(ModelVersionPolicy(policyChoice: .all(.init())), "all {}"),
        Sample(
            ModelVersionPolicy(policyChoice: .specific(.init(versions: [1, 300]))), "specific { versions: [1, 300] }"),
        Sample(
            ModelQueuePolicy(
                timeoutAction: .delay, defaultTimeoutMicroseconds: 1, allowTimeoutOverride: true, maxQueueSize: 2),
            """
            timeout_action: DELAY default_timeout_microseconds: 1 allow_timeout_override: true max_queue_size: 2
            """),
        Sample(
            ModelDynamicBatching(
                preferredBatchSize: [4, 8], maxQueueDelayMicroseconds: 1, preserveOrdering: true, priorityLevels: 2,
                defaultPriorityLevel: 3, defaultQueuePolicy: ModelQueuePolicy(maxQueueSize: 5)),
            """
            preferred_batch_size: [4, 8] max_queue_delay_microseconds: 1 preserve_ordering: true priority_levels: 2
            default_priority_level: 3 default_queue_policy { max_queue_size: 5 }
            """),
        Sample(ModelSequenceBatching(maxSequenceIdleMicroseconds: 9), "max_sequence_idle_microseconds: 9"),
        Sample(
            ModelEnsembling(
                step: [.init(modelName: "m", modelVersion: -1, inputMap: ["a": "b"], outputMap: ["c": "d"])]),
            #"""
            step {
              model_name: "m" model_version: -1 input_map { key: "a" value: "b" } output_map { key: "c" value: "d" }
            }
            """#),
        Sample(ModelParameter(stringValue: "v"), #"string_value: "v""#),
        Sample(ModelTransactionPolicy(decoupled: true), "decoupled: true"),
        Sample(ModelResponseCache(enable: true), "enable: true"),
        Sample(
            ModelConfig(
                name: "digits", platform: "apus_onnx",
                versionPolicy: ModelVersionPolicy(policyChoice: .latest(.init(numVersions: 1))), maxBatchSize: 32,
                input: [ModelInput(name: "x"), ModelInput()], output: [ModelOutput(name: "y")],
                instanceGroup: [ModelInstanceGroup(count: 1)], defaultModelFilename: "model.onnx",
                schedulingChoice: .dynamicBatching(ModelDynamicBatching()),
                parameters: ["k": ModelParameter(stringValue: "v")], backend: "apus",
                modelTransactionPolicy: ModelTransactionPolicy(), responseCache: ModelResponseCache()),
            #"""
            name: "digits" platform: "apus_onnx" version_policy { latest { num_versions: 1 } } max_batch_size: 32
            input { name: "x" } input {} output { name: "y" } instance_group { count: 1 }
            default_model_filename: "model.onnx" dynamic_batching {} parameters { key: "k" value { string_value: "v" } }
            backend: "apus" model_transaction_policy {} response_cache {}
            """#),
        Sample(ModelConfig(schedulingChoice: .sequenceBatching(ModelSequenceBatching())), "sequence_batching {}"),
        Sample(ModelConfig(schedulingChoice: .ensembleScheduling(ModelEnsembling())), "ensemble_scheduling {}"),
        Sample(ModelConfigResponse(config: ModelConfig(name: "m")), #"config { name: "m" }"#),
    ]

    private static let statistics = [
        Sample(ModelStatisticsRequest(name: "digits", version: "3"), #"name: "digits" version: "3""#),
        Sample(StatisticDuration(count: 1, ns: .max), "count: 1 ns: 18446744073709551615"),
        Sample(
            InferStatistics(
                success: StatisticDuration(count: 1), fail: StatisticDuration(count: 2),
                queue: StatisticDuration(count: 3), computeInput: StatisticDuration(count: 4),
                computeInfer: StatisticDuration(count: 5), computeOutput: StatisticDuration(count: 6),
                cacheHit: StatisticDuration(count: 7), cacheMiss: StatisticDuration(count: 8)),
            """
            success { count: 1 } fail { count: 2 } queue { count: 3 } compute_input { count: 4 }
            compute_infer { count: 5 } compute_output { count: 6 } cache_hit { count: 7 } cache_miss { count: 8 }
            """),
        Sample(
            InferResponseStatistics(
                computeInfer: StatisticDuration(count: 1), computeOutput: StatisticDuration(count: 2),
                success: StatisticDuration(count: 3), fail: StatisticDuration(count: 4),
                emptyResponse: StatisticDuration(count: 5), cancel: StatisticDuration(count: 6)),
            """
            compute_infer { count: 1 } compute_output { count: 2 } success { count: 3 } fail { count: 4 }
            empty_response { count: 5 } cancel { count: 6 }
            """),
        Sample(
            InferBatchStatistics(
                batchSize: 4, computeInput: StatisticDuration(count: 1), computeInfer: StatisticDuration(count: 2),
                computeOutput: StatisticDuration(count: 3)),
            "batch_size: 4 compute_input { count: 1 } compute_infer { count: 2 } compute_output { count: 3 }"),
        Sample(MemoryUsage(type: "CPU", id: -1, byteSize: 7), #"type: "CPU" id: -1 byte_size: 7"#),
        Sample(
            ModelStatistics(
                name: "m", version: "1", lastInference: 1, inferenceCount: 2, executionCount: 3,
                inferenceStats: InferStatistics(), batchStats: [InferBatchStatistics(batchSize: 1)],
                memoryUsage: [MemoryUsage(type: "CPU")], responseStats: ["0": InferResponseStatistics()]),
            #"""
            name: "m" version: "1" last_inference: 1 inference_count: 2 execution_count: 3 inference_stats {}
            batch_stats { batch_size: 1 } memory_usage { type: "CPU" } response_stats { key: "0" value {} }
            """#),
        Sample(
            ModelStatisticsResponse(modelStats: [ModelStatistics(name: "m"), ModelStatistics()]),
            #"model_stats { name: "m" } model_stats {}"#),
    ]

    private static let repository = [
        Sample(ModelRepositoryParameter(parameterChoice: .boolParam(true)), "bool_param: true"),
        Sample(ModelRepositoryParameter(parameterChoice: .int64Param(-1)), "int64_param: -1"),
        Sample(ModelRepositoryParameter(parameterChoice: .stringParam("{}")), #"string_param: "{}""#),
        Sample(ModelRepositoryParameter(parameterChoice: .bytesParam(Bytes([255]))), #"bytes_param: "\377""#),
        Sample(RepositoryIndexRequest(repositoryName: "r", ready: true), #"repository_name: "r" ready: true"#),
        Sample(
            RepositoryIndexResponse(models: [.init(name: "m", version: "1", state: "READY", reason: "x"), .init()]),
            #"models { name: "m" version: "1" state: "READY" reason: "x" } models {}"#),
        Sample(
            RepositoryModelLoadRequest(
                repositoryName: "r", modelName: "m",
                parameters: ["config": ModelRepositoryParameter(parameterChoice: .stringParam("{}"))]),
            #"""
            repository_name: "r" model_name: "m" parameters { key: "config" value { string_param: "{}" } }
            """#),
        Sample(RepositoryModelLoadResponse(), ""),
        Sample(
            RepositoryModelUnloadRequest(
                repositoryName: "r", modelName: "m",
                parameters: ["unload_dependents": ModelRepositoryParameter(parameterChoice: .boolParam(true))]),
            #"""
            repository_name: "r" model_name: "m" parameters { key: "unload_dependents" value { bool_param: true } }
            """#),
        Sample(RepositoryModelUnloadResponse(), ""),
    ]

    private static let sharedMemory = [
        Sample(SystemSharedMemoryStatusRequest(name: "r"), #"name: "r""#),
        Sample(
            SystemSharedMemoryStatusResponse(regions: ["r": .init(name: "r", key: "/k", offset: 1, byteSize: 2)]),
            #"regions { key: "r" value { name: "r" key: "/k" offset: 1 byte_size: 2 } }"#),
        Sample(
            SystemSharedMemoryRegisterRequest(name: "r", key: "/k", offset: 1, byteSize: .max),
            #"name: "r" key: "/k" offset: 1 byte_size: 18446744073709551615"#),
        Sample(SystemSharedMemoryRegisterResponse(), ""),
        Sample(SystemSharedMemoryUnregisterRequest(name: "r"), #"name: "r""#),
        Sample(SystemSharedMemoryUnregisterResponse(), ""),
        Sample(CudaSharedMemoryStatusRequest(name: "r"), #"name: "r""#),
        Sample(
            CudaSharedMemoryStatusResponse(regions: ["r": .init(name: "r", deviceId: 1, byteSize: 2)]),
            #"regions { key: "r" value { name: "r" device_id: 1 byte_size: 2 } }"#),
        Sample(
            CudaSharedMemoryRegisterRequest(name: "r", rawHandle: Bytes([0, 255]), deviceId: -1, byteSize: 2),
            #"name: "r" raw_handle: "\000\377" device_id: -1 byte_size: 2"#),
        Sample(CudaSharedMemoryRegisterResponse(), ""),
        Sample(CudaSharedMemoryUnregisterRequest(name: "r"), #"name: "r""#),
        Sample(CudaSharedMemoryUnregisterResponse(), ""),
    ]

    private static let settings = [
        Sample(
            TraceSettingRequest(settings: ["trace_level": .init(value: ["TIMESTAMPS", ""])], modelName: "m"),
            #"""
            settings { key: "trace_level" value { value: ["TIMESTAMPS", ""] } } model_name: "m"
            """#),
        Sample(
            TraceSettingResponse(settings: ["trace_rate": .init(value: ["1000"])]),
            #"settings { key: "trace_rate" value { value: "1000" } }"#),
        Sample(
            LogSettingsRequest(settings: ["log_info": .init(parameterChoice: .boolParam(false))]),
            #"settings { key: "log_info" value { bool_param: false } }"#),
        Sample(
            LogSettingsRequest(settings: ["log_verbose_level": .init(parameterChoice: .uint32Param(.max))]),
            #"settings { key: "log_verbose_level" value { uint32_param: 4294967295 } }"#),
        Sample(
            LogSettingsResponse(settings: ["log_format": .init(parameterChoice: .stringParam("ISO8601"))]),
            #"settings { key: "log_format" value { string_param: "ISO8601" } }"#),
        Sample(
            LogSettingsResponse(settings: ["log_info": .init(parameterChoice: .boolParam(true))]),
            #"settings { key: "log_info" value { bool_param: true } }"#),
        Sample(
            LogSettingsResponse(settings: ["log_verbose_level": .init(parameterChoice: .uint32Param(0))]),
            #"settings { key: "log_verbose_level" value { uint32_param: 0 } }"#),
        Sample(
            LogSettingsRequest(settings: ["log_format": .init(parameterChoice: .stringParam(""))]),
            #"settings { key: "log_format" value { string_param: "" } }"#),
    ]
}
