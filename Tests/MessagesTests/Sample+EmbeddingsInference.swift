import Vocabulary

@testable import Messages

/// The messages of `tei.v1`.
extension Sample {
    static let embeddingsInference = vectors + otherModels + tokens

    private static let vectors = [
        Sample(TEIInfoRequest(), ""),
        Sample(
            TEIInfoResponse(
                version: "1", sha: "", dockerLabel: "d", modelId: "m", modelSha: "3", modelDtype: "float32",
                modelType: .reranker, maxConcurrentRequests: 8, maxInputLength: 9, maxBatchTokens: 10,
                maxBatchRequests: 0, maxClientBatchSize: 12, tokenizationWorkers: 13),
            #"""
            version: "1" sha: "" docker_label: "d" model_id: "m" model_sha: "3" model_dtype: "float32"
            model_type: MODEL_TYPE_RERANKER max_concurrent_requests: 8 max_input_length: 9 max_batch_tokens: 10
            max_batch_requests: 0 max_client_batch_size: 12 tokenization_workers: 13
            """#),
        Sample(
            TEIMetadata(
                computeChars: 1, computeTokens: 2, totalTimeNs: 3, tokenizationTimeNs: 4, queueTimeNs: 5,
                inferenceTimeNs: 1 << 40),
            """
            compute_chars: 1 compute_tokens: 2 total_time_ns: 3 tokenization_time_ns: 4 queue_time_ns: 5
            inference_time_ns: 1099511627776
            """),
        Sample(
            TEIEmbedRequest(
                inputs: "nul \0", truncate: true, normalize: false, truncationDirection: .left, promptName: "",
                dimensions: 0),
            #"""
            inputs: "nul \000" truncate: true normalize: false truncation_direction: TRUNCATION_DIRECTION_LEFT
            prompt_name: "" dimensions: 0
            """#),
        Sample(
            TEIEmbedResponse(embeddings: [1, -0.5], metadata: TEIMetadata(computeChars: 1)),
            "embeddings: [1, -0.5] metadata { compute_chars: 1 }"),
        Sample(
            TEIEmbedSparseRequest(inputs: "a", truncate: true, truncationDirection: .left, promptName: "q"),
            #"inputs: "a" truncate: true truncation_direction: TRUNCATION_DIRECTION_LEFT prompt_name: "q""#),
        Sample(TEISparseValue(index: 7, value: 0.5), "index: 7 value: 0.5"),
        Sample(
            TEIEmbedSparseResponse(
                sparseEmbeddings: [TEISparseValue(index: 7)], metadata: TEIMetadata(computeTokens: 2)),
            "sparse_embeddings { index: 7 } metadata { compute_tokens: 2 }"),
        Sample(
            TEIEmbedAllRequest(inputs: "a", truncate: true, truncationDirection: .left, promptName: "q"),
            #"inputs: "a" truncate: true truncation_direction: TRUNCATION_DIRECTION_LEFT prompt_name: "q""#),
        Sample(TEITokenEmbedding(embeddings: [2]), "embeddings: 2"),
        Sample(
            TEIEmbedAllResponse(
                tokenEmbeddings: [TEITokenEmbedding(embeddings: [2]), TEITokenEmbedding()], metadata: TEIMetadata()),
            "token_embeddings { embeddings: 2 } token_embeddings {} metadata {}"),
    ]

    private static let otherModels = [
        Sample(
            TEIPredictRequest(inputs: "a", truncate: true, rawScores: true, truncationDirection: .left),
            #"inputs: "a" truncate: true raw_scores: true truncation_direction: TRUNCATION_DIRECTION_LEFT"#),
        Sample(
            TEIPredictPairRequest(inputs: ["a", "b"], truncate: true, rawScores: true, truncationDirection: .left),
            #"inputs: ["a", "b"] truncate: true raw_scores: true truncation_direction: TRUNCATION_DIRECTION_LEFT"#),
        Sample(TEIPrediction(score: 0.5, label: "l"), #"score: 0.5 label: "l""#),
        Sample(
            TEIPredictResponse(predictions: [TEIPrediction(score: 1)], metadata: TEIMetadata(queueTimeNs: 5)),
            "predictions { score: 1 } metadata { queue_time_ns: 5 }"),
        Sample(
            TEIRerankRequest(
                query: "q", texts: ["a", "b"], truncate: true, rawScores: true, returnText: true,
                truncationDirection: .left),
            #"""
            query: "q" texts: ["a", "b"] truncate: true raw_scores: true return_text: true
            truncation_direction: TRUNCATION_DIRECTION_LEFT
            """#),
        Sample(
            TEIRerankStreamRequest(
                query: "q", text: "a", truncate: true, rawScores: true, returnText: true, truncationDirection: .left),
            #"""
            query: "q" text: "a" truncate: true raw_scores: true return_text: true
            truncation_direction: TRUNCATION_DIRECTION_LEFT
            """#),
        Sample(TEIRank(index: 1, text: "", score: 0.5), #"index: 1 text: "" score: 0.5"#),
        Sample(
            TEIRerankResponse(ranks: [TEIRank(index: 1)], metadata: TEIMetadata(totalTimeNs: 3)),
            "ranks { index: 1 } metadata { total_time_ns: 3 }"),
    ]

    private static let tokens = [
        Sample(
            TEIEncodeRequest(inputs: "a", addSpecialTokens: true, promptName: "q"),
            #"inputs: "a" add_special_tokens: true prompt_name: "q""#),
        Sample(
            TEISimpleToken(id: 101, text: "[CLS]", special: true, start: 0, stop: 3),
            #"id: 101 text: "[CLS]" special: true start: 0 stop: 3"#),
        Sample(TEIEncodeResponse(tokens: [TEISimpleToken(id: 1)]), "tokens { id: 1 }"),
        Sample(
            TEIDecodeRequest(ids: [1, .max], skipSpecialTokens: true),
            "ids: [1, 4294967295] skip_special_tokens: true"),
        Sample(TEIDecodeResponse(text: "t"), #"text: "t""#),
    ]
}
