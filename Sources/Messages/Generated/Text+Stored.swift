// Made by Proto/generate from apus/text/v1/text.proto.
// swift-format-ignore-file

import CMessages

extension TokenSequence: StoredMessage {
    typealias Stored = Apus__Text__V1__TokenSequence
    static let storedType = StoredType(apus__text__v1__token_sequence__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        ids = arena.values(stored.ids, stored.n_ids)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_ids, stored.ids) = arena.store(ids)
    }
}

extension ChatMessage: StoredMessage {
    typealias Stored = Apus__Text__V1__ChatMessage
    static let storedType = StoredType(apus__text__v1__chat_message__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        role = try arena.string(stored.role, "apus.text.v1.ChatMessage.role")
        content = try arena.string(stored.content, "apus.text.v1.ChatMessage.content")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.role = arena.store(role)
        stored.content = arena.store(content)
    }
}

extension Chat: StoredMessage {
    typealias Stored = Apus__Text__V1__Chat
    static let storedType = StoredType(apus__text__v1__chat__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        messages = try arena.messages(stored.messages, stored.n_messages)
        addGenerationPrompt = stored.add_generation_prompt_presence_case.rawValue == 2 ? stored.add_generation_prompt != 0 : nil
        variables = try arena.string(stored.variables, "apus.text.v1.Chat.variables")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_messages, stored.messages) = arena.store(messages)
        if let addGenerationPrompt {
            stored.add_generation_prompt_presence_case = .init(2)
            stored.add_generation_prompt = addGenerationPrompt ? 1 : 0
        }
        stored.variables = arena.store(variables)
    }
}

extension GenerateRequest: StoredMessage {
    typealias Stored = Apus__Text__V1__GenerateRequest
    static let storedType = StoredType(apus__text__v1__generate_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        model = try arena.string(stored.model, "apus.text.v1.GenerateRequest.model")
        version = try arena.string(stored.version, "apus.text.v1.GenerateRequest.version")
        maxTokens = stored.max_tokens_presence_case.rawValue == 5 ? stored.max_tokens : nil
        temperature = stored.temperature_presence_case.rawValue == 6 ? stored.temperature : nil
        topK = stored.top_k_presence_case.rawValue == 7 ? stored.top_k : nil
        topP = stored.top_p_presence_case.rawValue == 8 ? stored.top_p : nil
        seed = stored.seed_presence_case.rawValue == 9 ? stored.seed : nil
        stop = try arena.strings(stored.stop, stored.n_stop, "apus.text.v1.GenerateRequest.stop")
        echo = stored.echo != 0
        ignoreEndOfText = stored.ignore_end_of_text != 0
        minP = stored.min_p_presence_case.rawValue == 13 ? stored.min_p : nil
        repetitionPenalty = stored.repetition_penalty_presence_case.rawValue == 14 ? stored.repetition_penalty : nil
        presencePenalty = stored.presence_penalty_presence_case.rawValue == 15 ? stored.presence_penalty : nil
        frequencyPenalty = stored.frequency_penalty_presence_case.rawValue == 16 ? stored.frequency_penalty : nil
        logitBias = try arena.dictionary(stored.logit_bias, stored.n_logit_bias, of: LogitBiasEntry.self)
        stopTokens = arena.values(stored.stop_tokens, stored.n_stop_tokens)
        logprobs = stored.logprobs_presence_case.rawValue == 19 ? stored.logprobs : nil
        n = stored.n_presence_case.rawValue == 20 ? stored.n : nil
        cacheSalt = try arena.string(stored.cache_salt, "apus.text.v1.GenerateRequest.cache_salt")
        switch stored.input_case.rawValue {
        case 3: input = .prompt(try arena.string(stored.prompt, "apus.text.v1.GenerateRequest.prompt"))
        case 4: input = .tokens(try arena.message(stored.tokens) ?? TokenSequence())
        case 26: input = .chat(try arena.message(stored.chat) ?? Chat())
        default: input = nil
        }
        switch stored.constraint_case.rawValue {
        case 21: constraint = .regex(try arena.string(stored.regex, "apus.text.v1.GenerateRequest.regex"))
        case 22: constraint = .choices(try arena.message(stored.choices) ?? Choices())
        case 23: constraint = .jsonSchema(try arena.string(stored.json_schema, "apus.text.v1.GenerateRequest.json_schema"))
        case 24: constraint = .json(stored.json != 0)
        default: constraint = nil
        }
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.model = arena.store(model)
        stored.version = arena.store(version)
        if let maxTokens {
            stored.max_tokens_presence_case = .init(5)
            stored.max_tokens = maxTokens
        }
        if let temperature {
            stored.temperature_presence_case = .init(6)
            stored.temperature = temperature
        }
        if let topK {
            stored.top_k_presence_case = .init(7)
            stored.top_k = topK
        }
        if let topP {
            stored.top_p_presence_case = .init(8)
            stored.top_p = topP
        }
        if let seed {
            stored.seed_presence_case = .init(9)
            stored.seed = seed
        }
        (stored.n_stop, stored.stop) = arena.store(stop)
        stored.echo = echo ? 1 : 0
        stored.ignore_end_of_text = ignoreEndOfText ? 1 : 0
        if let minP {
            stored.min_p_presence_case = .init(13)
            stored.min_p = minP
        }
        if let repetitionPenalty {
            stored.repetition_penalty_presence_case = .init(14)
            stored.repetition_penalty = repetitionPenalty
        }
        if let presencePenalty {
            stored.presence_penalty_presence_case = .init(15)
            stored.presence_penalty = presencePenalty
        }
        if let frequencyPenalty {
            stored.frequency_penalty_presence_case = .init(16)
            stored.frequency_penalty = frequencyPenalty
        }
        (stored.n_logit_bias, stored.logit_bias) = arena.store(logitBias, as: LogitBiasEntry.self)
        (stored.n_stop_tokens, stored.stop_tokens) = arena.store(stopTokens)
        if let logprobs {
            stored.logprobs_presence_case = .init(19)
            stored.logprobs = logprobs
        }
        if let n {
            stored.n_presence_case = .init(20)
            stored.n = n
        }
        stored.cache_salt = arena.store(cacheSalt)
        switch input {
        case .prompt(let value):
            stored.input_case = .init(3)
            stored.prompt = arena.store(value)
        case .tokens(let value):
            stored.input_case = .init(4)
            stored.tokens = arena.store(value)
        case .chat(let value):
            stored.input_case = .init(26)
            stored.chat = arena.store(value)
        case nil: break
        }
        switch constraint {
        case .regex(let value):
            stored.constraint_case = .init(21)
            stored.regex = arena.store(value)
        case .choices(let value):
            stored.constraint_case = .init(22)
            stored.choices = arena.store(value)
        case .jsonSchema(let value):
            stored.constraint_case = .init(23)
            stored.json_schema = arena.store(value)
        case .json(let value):
            stored.constraint_case = .init(24)
            stored.json = value ? 1 : 0
        case nil: break
        }
    }
}

extension GenerateRequest {
    struct LogitBiasEntry {
        var key: UInt32 = 0
        var value: Float = 0
    }
}

extension GenerateRequest.LogitBiasEntry: MapEntry {
    typealias Stored = Apus__Text__V1__GenerateRequest__LogitBiasEntry
    static let storedType = StoredType(apus__text__v1__generate_request__logit_bias_entry__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        key = stored.key
        value = stored.value
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.key = key
        stored.value = value
    }
}

extension Choices: StoredMessage {
    typealias Stored = Apus__Text__V1__Choices
    static let storedType = StoredType(apus__text__v1__choices__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        texts = try arena.strings(stored.texts, stored.n_texts, "apus.text.v1.Choices.texts")
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_texts, stored.texts) = arena.store(texts)
    }
}

extension GenerateResponse: StoredMessage {
    typealias Stored = Apus__Text__V1__GenerateResponse
    static let storedType = StoredType(apus__text__v1__generate_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        text = try arena.string(stored.text, "apus.text.v1.GenerateResponse.text")
        tokens = arena.values(stored.tokens, stored.n_tokens)
        finishReason = FinishReason(rawValue: Int32(bitPattern: stored.finish_reason.rawValue))
        usage = try arena.message(stored.usage)
        index = stored.index
        logprobs = try arena.messages(stored.logprobs, stored.n_logprobs)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.text = arena.store(text)
        (stored.n_tokens, stored.tokens) = arena.store(tokens)
        stored.finish_reason = Apus__Text__V1__FinishReason(UInt32(bitPattern: finishReason.rawValue))
        stored.usage = arena.store(usage)
        stored.index = index
        (stored.n_logprobs, stored.logprobs) = arena.store(logprobs)
    }
}

extension TokenLogprob: StoredMessage {
    typealias Stored = Apus__Text__V1__TokenLogprob
    static let storedType = StoredType(apus__text__v1__token_logprob__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        token = stored.token
        logprob = stored.logprob
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.token = token
        stored.logprob = logprob
    }
}

extension TokenLogprobs: StoredMessage {
    typealias Stored = Apus__Text__V1__TokenLogprobs
    static let storedType = StoredType(apus__text__v1__token_logprobs__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        chosen = try arena.message(stored.chosen)
        top = try arena.messages(stored.top, stored.n_top)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.chosen = arena.store(chosen)
        (stored.n_top, stored.top) = arena.store(top)
    }
}

extension Usage: StoredMessage {
    typealias Stored = Apus__Text__V1__Usage
    static let storedType = StoredType(apus__text__v1__usage__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        promptTokens = stored.prompt_tokens
        generatedTokens = stored.generated_tokens
        queueMicroseconds = stored.queue_microseconds
        computeMicroseconds = stored.compute_microseconds
        cachedTokens = stored.cached_tokens
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.prompt_tokens = promptTokens
        stored.generated_tokens = generatedTokens
        stored.queue_microseconds = queueMicroseconds
        stored.compute_microseconds = computeMicroseconds
        stored.cached_tokens = cachedTokens
    }
}

extension EmbedRequest: StoredMessage {
    typealias Stored = Apus__Text__V1__EmbedRequest
    static let storedType = StoredType(apus__text__v1__embed_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        model = try arena.string(stored.model, "apus.text.v1.EmbedRequest.model")
        version = try arena.string(stored.version, "apus.text.v1.EmbedRequest.version")
        texts = try arena.strings(stored.texts, stored.n_texts, "apus.text.v1.EmbedRequest.texts")
        keepLength = stored.keep_length != 0
        truncate = stored.truncate != 0
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.model = arena.store(model)
        stored.version = arena.store(version)
        (stored.n_texts, stored.texts) = arena.store(texts)
        stored.keep_length = keepLength ? 1 : 0
        stored.truncate = truncate ? 1 : 0
    }
}

extension Embedding: StoredMessage {
    typealias Stored = Apus__Text__V1__Embedding
    static let storedType = StoredType(apus__text__v1__embedding__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        values = arena.values(stored.values, stored.n_values)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_values, stored.values) = arena.store(values)
    }
}

extension EmbedResponse: StoredMessage {
    typealias Stored = Apus__Text__V1__EmbedResponse
    static let storedType = StoredType(apus__text__v1__embed_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        embeddings = try arena.messages(stored.embeddings, stored.n_embeddings)
        usage = try arena.message(stored.usage)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_embeddings, stored.embeddings) = arena.store(embeddings)
        stored.usage = arena.store(usage)
    }
}
