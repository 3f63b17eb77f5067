// Made by Proto/generate from apus/vision/v1/vision.proto.
// swift-format-ignore-file

import CMessages

extension ImageTensor: StoredMessage {
    typealias Stored = Apus__Vision__V1__ImageTensor
    static let storedType = StoredType(apus__vision__v1__image_tensor__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        datatype = try arena.string(stored.datatype, "apus.vision.v1.ImageTensor.datatype")
        shape = arena.values(stored.shape, stored.n_shape)
        data = arena.bytes(stored.data)
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.datatype = arena.store(datatype)
        (stored.n_shape, stored.shape) = arena.store(shape)
        stored.data = arena.store(data)
    }
}

extension ClassifyRequest: StoredMessage {
    typealias Stored = Apus__Vision__V1__ClassifyRequest
    static let storedType = StoredType(apus__vision__v1__classify_request__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        model = try arena.string(stored.model, "apus.vision.v1.ClassifyRequest.model")
        version = try arena.string(stored.version, "apus.vision.v1.ClassifyRequest.version")
        topK = stored.top_k_presence_case.rawValue == 5 ? stored.top_k : nil
        switch stored.image_case.rawValue {
        case 3: image = .encoded(arena.bytes(stored.encoded))
        case 4: image = .tensor(try arena.message(stored.tensor) ?? ImageTensor())
        default: image = nil
        }
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.model = arena.store(model)
        stored.version = arena.store(version)
        if let topK {
            stored.top_k_presence_case = .init(5)
            stored.top_k = topK
        }
        switch image {
        case .encoded(let value):
            stored.image_case = .init(3)
            stored.encoded = arena.store(value)
        case .tensor(let value):
            stored.image_case = .init(4)
            stored.tensor = arena.store(value)
        case nil: break
        }
    }
}

extension Classification: StoredMessage {
    typealias Stored = Apus__Vision__V1__Classification
    static let storedType = StoredType(apus__vision__v1__classification__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        index = stored.index
        label = try arena.string(stored.label, "apus.vision.v1.Classification.label")
        score = stored.score
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        stored.index = index
        stored.label = arena.store(label)
        stored.score = score
    }
}

extension ClassifyResponse: StoredMessage {
    typealias Stored = Apus__Vision__V1__ClassifyResponse
    static let storedType = StoredType(apus__vision__v1__classify_response__init)

    init(_ stored: Stored, in arena: Arena) throws(MessageError) {
        classifications = try arena.messages(stored.classifications, stored.n_classifications)
        queueMicroseconds = stored.queue_microseconds
        computeMicroseconds = stored.compute_microseconds
        batchSize = stored.batch_size
    }

    func fill(_ stored: inout Stored, in arena: Arena) {
        (stored.n_classifications, stored.classifications) = arena.store(classifications)
        stored.queue_microseconds = queueMicroseconds
        stored.compute_microseconds = computeMicroseconds
        stored.batch_size = batchSize
    }
}
