// Made by Proto/generate from tei/v1/tei.proto.
// swift-format-ignore-file

import CMessages

extension TEIInfoRequest: StoredMessage {
    typealias Stored = Tei__V1__InfoRequest
    static let storedType = StoredType(tei__v1__info_request__init)

    init(_ stored: Stored, in arena: Arena) {}
    func fill(_ stored: inout Stored, in arena: Arena) {}
}

extension TEIInfoResponse: StoredMessage {
    typealias Stored = Tei__V1__InfoResponse
    static let storedType = StoredType(tei__v1__info_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        version = try arena.string(stored.version, "tei.v1.InfoResponse.version")
        sha = stored.sha_presence_case.rawValue == 2 ? try arena.string(stored.sha, "tei.v1.InfoResponse.sha") : nil
        dockerLabel = stored.docker_label_presence_case.rawValue == 3 ? try arena.string(stored.docker_label, "tei.v1.InfoResponse.docker_label") : nil
        modelId = try arena.string(stored.model_id, "tei.v1.InfoResponse.model_id")
        modelSha = stored.model_sha_presence_case.rawValue == 5 ? try arena.string(stored.model_sha, "tei.v1.InfoResponse.model_sha") : nil
        modelDtype = try arena.string(stored.model_dtype, "tei.v1.InfoResponse.model_dtype")
        modelType = TEIModelType(rawValue: Int32(bitPattern: stored.model_type.rawValue))
        maxConcurrentRequests = stored.max_concurrent_requests
        maxInputLength = stored.max_input_length
        maxBatchTokens = stored.max_batch_tokens
        maxBatchRequests = stored.max_batch_requests_presence_case.rawValue == 11 ? stored.max_batch_requests : nil
        maxClientBatchSize = stored.max_client_batch_size
        tokenizationWorkers = stored.tokenization_workers
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.version = arena.store(version)
        if let sha {
            stored.sha_presence_case = .init(2)
            stored.sha = arena.store(sha)
        }
        if let dockerLabel {
            stored.docker_label_presence_case = .init(3)
            stored.docker_label = arena.store(dockerLabel)
        }
        stored.model_id = arena.store(modelId)
        if let modelSha {
            stored.model_sha_presence_case = .init(5)
            stored.model_sha = arena.store(modelSha)
        }
        stored.model_dtype = arena.store(modelDtype)
        stored.model_type = Tei__V1__ModelType(UInt32(bitPattern: modelType.rawValue))
        stored.max_concurrent_requests = maxConcurrentRequests
        stored.max_input_length = maxInputLength
        stored.max_batch_tokens = maxBatchTokens
        if let maxBatchRequests {
            stored.max_batch_requests_presence_case = .init(11)
            stored.max_batch_requests = maxBatchRequests
        }
        stored.max_client_batch_size = maxClientBatchSize
        stored.tokenization_workers = tokenizationWorkers
    }
}

extension TEIMetadata: StoredMessage {
    typealias Stored = Tei__V1__Metadata
    static let storedType = StoredType(tei__v1__metadata__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        computeChars = stored.compute_chars
        computeTokens = stored.compute_tokens
        totalTimeNs = stored.total_time_ns
        tokenizationTimeNs = stored.tokenization_time_ns
        queueTimeNs = stored.queue_time_ns
        inferenceTimeNs = stored.inference_time_ns
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.compute_chars = computeChars
        stored.compute_tokens = computeTokens
        stored.total_time_ns = totalTimeNs
        stored.tokenization_time_ns = tokenizationTimeNs
        stored.queue_time_ns = queueTimeNs
        stored.inference_time_ns = inferenceTimeNs
    }
}

extension TEIEmbedRequest: StoredMessage {
    typealias Stored = Tei__V1__EmbedRequest
    static let storedType = StoredType(tei__v1__embed_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        inputs = try arena.string(stored.inputs, "tei.v1.EmbedRequest.inputs")
        truncate = stored.truncate != 0
        normalize = stored.normalize_presence_case.rawValue == 3 ? stored.normalize != 0 : nil
        truncationDirection = TEITruncationDirection(rawValue: Int32(bitPattern: stored.truncation_direction.rawValue))
        promptName = stored.prompt_name_presence_case.rawValue == 5 ? try arena.string(stored.prompt_name, "tei.v1.EmbedRequest.prompt_name") : nil
        dimensions = stored.dimensions_presence_case.rawValue == 6 ? stored.dimensions : nil
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.inputs = arena.store(inputs)
        stored.truncate = truncate ? 1 : 0
        if let normalize {
            stored.normalize_presence_case = .init(3)
            stored.normalize = normalize ? 1 : 0
        }
        stored.truncation_direction = Tei__V1__TruncationDirection(UInt32(bitPattern: truncationDirection.rawValue))
        if let promptName {
            stored.prompt_name_presence_case = .init(5)
            stored.prompt_name = arena.store(promptName)
        }
        if let dimensions {
            stored.dimensions_presence_case = .init(6)
            stored.dimensions = dimensions
        }
    }
}

extension TEIEmbedResponse: StoredMessage {
    typealias Stored = Tei__V1__EmbedResponse
    static let storedType = StoredType(tei__v1__embed_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        embeddings = arena.values(stored.embeddings, stored.n_embeddings)
        metadata = try arena.message(stored.metadata)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_embeddings, stored.embeddings) = arena.store(embeddings)
        stored.metadata = arena.store(metadata)
    }
}

extension TEIEmbedSparseRequest: StoredMessage {
    typealias Stored = Tei__V1__EmbedSparseRequest
    static let storedType = StoredType(tei__v1__embed_sparse_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        inputs = try arena.string(stored.inputs, "tei.v1.EmbedSparseRequest.inputs")
        truncate = stored.truncate != 0
        truncationDirection = TEITruncationDirection(rawValue: Int32(bitPattern: stored.truncation_direction.rawValue))
        promptName = stored.prompt_name_presence_case.rawValue == 4 ? try arena.string(stored.prompt_name, "tei.v1.EmbedSparseRequest.prompt_name") : nil
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.inputs = arena.store(inputs)
        stored.truncate = truncate ? 1 : 0
        stored.truncation_direction = Tei__V1__TruncationDirection(UInt32(bitPattern: truncationDirection.rawValue))
        if let promptName {
            stored.prompt_name_presence_case = .init(4)
            stored.prompt_name = arena.store(promptName)
        }
    }
}

extension TEISparseValue: StoredMessage {
    typealias Stored = Tei__V1__SparseValue
    static let storedType = StoredType(tei__v1__sparse_value__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        index = stored.index
        value = stored.value
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.index = index
        stored.value = value
    }
}

extension TEIEmbedSparseResponse: StoredMessage {
    typealias Stored = Tei__V1__EmbedSparseResponse
    static let storedType = StoredType(tei__v1__embed_sparse_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        sparseEmbeddings = try arena.messages(stored.sparse_embeddings, stored.n_sparse_embeddings)
        metadata = try arena.message(stored.metadata)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_sparse_embeddings, stored.sparse_embeddings) = arena.store(sparseEmbeddings)
        stored.metadata = arena.store(metadata)
    }
}

extension TEIEmbedAllRequest: StoredMessage {
    typealias Stored = Tei__V1__EmbedAllRequest
    static let storedType = StoredType(tei__v1__embed_all_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        inputs = try arena.string(stored.inputs, "tei.v1.EmbedAllRequest.inputs")
        truncate = stored.truncate != 0
        truncationDirection = TEITruncationDirection(rawValue: Int32(bitPattern: stored.truncation_direction.rawValue))
        promptName = stored.prompt_name_presence_case.rawValue == 4 ? try arena.string(stored.prompt_name, "tei.v1.EmbedAllRequest.prompt_name") : nil
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.inputs = arena.store(inputs)
        stored.truncate = truncate ? 1 : 0
        stored.truncation_direction = Tei__V1__TruncationDirection(UInt32(bitPattern: truncationDirection.rawValue))
        if let promptName {
            stored.prompt_name_presence_case = .init(4)
            stored.prompt_name = arena.store(promptName)
        }
    }
}

extension TEITokenEmbedding: StoredMessage {
    typealias Stored = Tei__V1__TokenEmbedding
    static let storedType = StoredType(tei__v1__token_embedding__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        embeddings = arena.values(stored.embeddings, stored.n_embeddings)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_embeddings, stored.embeddings) = arena.store(embeddings)
    }
}

extension TEIEmbedAllResponse: StoredMessage {
    typealias Stored = Tei__V1__EmbedAllResponse
    static let storedType = StoredType(tei__v1__embed_all_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        tokenEmbeddings = try arena.messages(stored.token_embeddings, stored.n_token_embeddings)
        metadata = try arena.message(stored.metadata)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_token_embeddings, stored.token_embeddings) = arena.store(tokenEmbeddings)
        stored.metadata = arena.store(metadata)
    }
}

extension TEIPredictRequest: StoredMessage {
    typealias Stored = Tei__V1__PredictRequest
    static let storedType = StoredType(tei__v1__predict_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        inputs = try arena.string(stored.inputs, "tei.v1.PredictRequest.inputs")
        truncate = stored.truncate != 0
        rawScores = stored.raw_scores != 0
        truncationDirection = TEITruncationDirection(rawValue: Int32(bitPattern: stored.truncation_direction.rawValue))
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.inputs = arena.store(inputs)
        stored.truncate = truncate ? 1 : 0
        stored.raw_scores = rawScores ? 1 : 0
        stored.truncation_direction = Tei__V1__TruncationDirection(UInt32(bitPattern: truncationDirection.rawValue))
    }
}

extension TEIPredictPairRequest: StoredMessage {
    typealias Stored = Tei__V1__PredictPairRequest
    static let storedType = StoredType(tei__v1__predict_pair_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        inputs = try arena.strings(stored.inputs, stored.n_inputs, "tei.v1.PredictPairRequest.inputs")
        truncate = stored.truncate != 0
        rawScores = stored.raw_scores != 0
        truncationDirection = TEITruncationDirection(rawValue: Int32(bitPattern: stored.truncation_direction.rawValue))
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_inputs, stored.inputs) = arena.store(inputs)
        stored.truncate = truncate ? 1 : 0
        stored.raw_scores = rawScores ? 1 : 0
        stored.truncation_direction = Tei__V1__TruncationDirection(UInt32(bitPattern: truncationDirection.rawValue))
    }
}

extension TEIPrediction: StoredMessage {
    typealias Stored = Tei__V1__Prediction
    static let storedType = StoredType(tei__v1__prediction__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        score = stored.score
        label = try arena.string(stored.label, "tei.v1.Prediction.label")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.score = score
        stored.label = arena.store(label)
    }
}

extension TEIPredictResponse: StoredMessage {
    typealias Stored = Tei__V1__PredictResponse
    static let storedType = StoredType(tei__v1__predict_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        predictions = try arena.messages(stored.predictions, stored.n_predictions)
        metadata = try arena.message(stored.metadata)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_predictions, stored.predictions) = arena.store(predictions)
        stored.metadata = arena.store(metadata)
    }
}

extension TEIRerankRequest: StoredMessage {
    typealias Stored = Tei__V1__RerankRequest
    static let storedType = StoredType(tei__v1__rerank_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        query = try arena.string(stored.query, "tei.v1.RerankRequest.query")
        texts = try arena.strings(stored.texts, stored.n_texts, "tei.v1.RerankRequest.texts")
        truncate = stored.truncate != 0
        rawScores = stored.raw_scores != 0
        returnText = stored.return_text != 0
        truncationDirection = TEITruncationDirection(rawValue: Int32(bitPattern: stored.truncation_direction.rawValue))
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.query = arena.store(query)
        (stored.n_texts, stored.texts) = arena.store(texts)
        stored.truncate = truncate ? 1 : 0
        stored.raw_scores = rawScores ? 1 : 0
        stored.return_text = returnText ? 1 : 0
        stored.truncation_direction = Tei__V1__TruncationDirection(UInt32(bitPattern: truncationDirection.rawValue))
    }
}

extension TEIRerankStreamRequest: StoredMessage {
    typealias Stored = Tei__V1__RerankStreamRequest
    static let storedType = StoredType(tei__v1__rerank_stream_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        query = try arena.string(stored.query, "tei.v1.RerankStreamRequest.query")
        text = try arena.string(stored.text, "tei.v1.RerankStreamRequest.text")
        truncate = stored.truncate != 0
        rawScores = stored.raw_scores != 0
        returnText = stored.return_text != 0
        truncationDirection = TEITruncationDirection(rawValue: Int32(bitPattern: stored.truncation_direction.rawValue))
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.query = arena.store(query)
        stored.text = arena.store(text)
        stored.truncate = truncate ? 1 : 0
        stored.raw_scores = rawScores ? 1 : 0
        stored.return_text = returnText ? 1 : 0
        stored.truncation_direction = Tei__V1__TruncationDirection(UInt32(bitPattern: truncationDirection.rawValue))
    }
}

extension TEIRank: StoredMessage {
    typealias Stored = Tei__V1__Rank
    static let storedType = StoredType(tei__v1__rank__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        index = stored.index
        text = stored.text_presence_case.rawValue == 2 ? try arena.string(stored.text, "tei.v1.Rank.text") : nil
        score = stored.score
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.index = index
        if let text {
            stored.text_presence_case = .init(2)
            stored.text = arena.store(text)
        }
        stored.score = score
    }
}

extension TEIRerankResponse: StoredMessage {
    typealias Stored = Tei__V1__RerankResponse
    static let storedType = StoredType(tei__v1__rerank_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        ranks = try arena.messages(stored.ranks, stored.n_ranks)
        metadata = try arena.message(stored.metadata)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_ranks, stored.ranks) = arena.store(ranks)
        stored.metadata = arena.store(metadata)
    }
}

extension TEIEncodeRequest: StoredMessage {
    typealias Stored = Tei__V1__EncodeRequest
    static let storedType = StoredType(tei__v1__encode_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        inputs = try arena.string(stored.inputs, "tei.v1.EncodeRequest.inputs")
        addSpecialTokens = stored.add_special_tokens != 0
        promptName = stored.prompt_name_presence_case.rawValue == 3 ? try arena.string(stored.prompt_name, "tei.v1.EncodeRequest.prompt_name") : nil
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.inputs = arena.store(inputs)
        stored.add_special_tokens = addSpecialTokens ? 1 : 0
        if let promptName {
            stored.prompt_name_presence_case = .init(3)
            stored.prompt_name = arena.store(promptName)
        }
    }
}

extension TEISimpleToken: StoredMessage {
    typealias Stored = Tei__V1__SimpleToken
    static let storedType = StoredType(tei__v1__simple_token__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        id = stored.id
        text = try arena.string(stored.text, "tei.v1.SimpleToken.text")
        special = stored.special != 0
        start = stored.start_presence_case.rawValue == 4 ? stored.start : nil
        stop = stored.stop_presence_case.rawValue == 5 ? stored.stop : nil
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.id = id
        stored.text = arena.store(text)
        stored.special = special ? 1 : 0
        if let start {
            stored.start_presence_case = .init(4)
            stored.start = start
        }
        if let stop {
            stored.stop_presence_case = .init(5)
            stored.stop = stop
        }
    }
}

extension TEIEncodeResponse: StoredMessage {
    typealias Stored = Tei__V1__EncodeResponse
    static let storedType = StoredType(tei__v1__encode_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        tokens = try arena.messages(stored.tokens, stored.n_tokens)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_tokens, stored.tokens) = arena.store(tokens)
    }
}

extension TEIDecodeRequest: StoredMessage {
    typealias Stored = Tei__V1__DecodeRequest
    static let storedType = StoredType(tei__v1__decode_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        ids = arena.values(stored.ids, stored.n_ids)
        skipSpecialTokens = stored.skip_special_tokens != 0
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_ids, stored.ids) = arena.store(ids)
        stored.skip_special_tokens = skipSpecialTokens ? 1 : 0
    }
}

extension TEIDecodeResponse: StoredMessage {
    typealias Stored = Tei__V1__DecodeResponse
    static let storedType = StoredType(tei__v1__decode_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        text = try arena.string(stored.text, "tei.v1.DecodeResponse.text")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.text = arena.store(text)
    }
}
