import Vocabulary

/// The messages of `grpc/testing/messages.proto`, as far as the test cases use them.
///
/// Why by hand and not with protobuf-c: eight small messages are less code than what would be generated for them, and
/// the peers, who have the generated code, tell at once when a byte is wrong.
protocol TestMessage {
    init(_ bytes: Bytes) throws(FieldReader.Failure)
    var bytes: Bytes { get }
}

/// `Payload`, which is its body: there is only one type.
enum Payload {
    /// So many zeros.
    static func zeros(_ count: Int32) -> Bytes {
        Bytes(byteCount: Int(max(0, count))) { $0.initializeMemory(as: UInt8.self, repeating: 0) }
    }

    static func body(of bytes: Bytes) throws(FieldReader.Failure) -> Bytes {
        var body = Bytes()
        try FieldReader.forEach(in: bytes) { (field, value) throws(FieldReader.Failure) in
            if field == 2 { body = value.bytes }
        }
        return body
    }

    static func bytes(_ body: Bytes) -> Bytes {
        var writer = FieldWriter()
        writer.bytes(2, body)
        return writer.bytes
    }
}

/// `BoolValue`.
enum BoolValue {
    static func value(of bytes: Bytes) throws(FieldReader.Failure) -> Bool {
        var isTrue = false
        try FieldReader.forEach(in: bytes) { (field, value) throws(FieldReader.Failure) in
            if field == 1 { isTrue = value.int32 != 0 }
        }
        return isTrue
    }

    static func bytes(_ value: Bool) -> Bytes {
        var writer = FieldWriter()
        writer.number(1, value ? 1 : 0)
        return writer.bytes
    }
}

/// `EchoStatus`.
struct EchoStatus: TestMessage {
    var code: Int32 = 0
    var message = ""

    init(code: Int32, message: String) {
        self.code = code
        self.message = message
    }

    init(_ bytes: Bytes) throws(FieldReader.Failure) {
        try FieldReader.forEach(in: bytes) { (field, value) throws(FieldReader.Failure) in
            switch field {
            case 1: code = value.int32
            case 2: message = value.bytes.utf8String ?? ""
            default: break
            }
        }
    }

    var bytes: Bytes {
        var writer = FieldWriter()
        writer.number(1, code)
        writer.bytes(2, Bytes(utf8: message))
        return writer.bytes
    }
}

/// `SimpleRequest`.
struct SimpleRequest: TestMessage {
    var responseByteCount: Int32 = 0
    var payload: Bytes?
    var responseIsCompressed: Bool?
    var status: EchoStatus?
    var expectsCompression: Bool?

    init() {}

    init(_ bytes: Bytes) throws(FieldReader.Failure) {
        try FieldReader.forEach(in: bytes) { (field, value) throws(FieldReader.Failure) in
            switch field {
            case 2: responseByteCount = value.int32
            case 3: payload = try Payload.body(of: value.bytes)
            case 6: responseIsCompressed = try BoolValue.value(of: value.bytes)
            case 7: status = try EchoStatus(value.bytes)
            case 8: expectsCompression = try BoolValue.value(of: value.bytes)
            default: break
            }
        }
    }

    var bytes: Bytes {
        var writer = FieldWriter()
        writer.number(2, responseByteCount)
        if let payload { writer.message(3, Payload.bytes(payload)) }
        if let responseIsCompressed { writer.message(6, BoolValue.bytes(responseIsCompressed)) }
        if let status { writer.message(7, status.bytes) }
        if let expectsCompression { writer.message(8, BoolValue.bytes(expectsCompression)) }
        return writer.bytes
    }
}

/// `SimpleResponse` and `StreamingOutputCallResponse`, which are the same in what is used here.
struct PayloadResponse: TestMessage {
    var payload: Bytes

    init(payload: Bytes) { self.payload = payload }

    init(_ bytes: Bytes) throws(FieldReader.Failure) {
        payload = Bytes()
        try FieldReader.forEach(in: bytes) { (field, value) throws(FieldReader.Failure) in
            if field == 1 { payload = try Payload.body(of: value.bytes) }
        }
    }

    var bytes: Bytes {
        var writer = FieldWriter()
        writer.message(1, Payload.bytes(payload))
        return writer.bytes
    }
}

/// `StreamingInputCallRequest`.
struct StreamingInputRequest: TestMessage {
    var payload: Bytes
    var expectsCompression: Bool?

    init(payload: Bytes, expectsCompression: Bool? = nil) {
        self.payload = payload
        self.expectsCompression = expectsCompression
    }

    init(_ bytes: Bytes) throws(FieldReader.Failure) {
        payload = Bytes()
        try FieldReader.forEach(in: bytes) { (field, value) throws(FieldReader.Failure) in
            switch field {
            case 1: payload = try Payload.body(of: value.bytes)
            case 2: expectsCompression = try BoolValue.value(of: value.bytes)
            default: break
            }
        }
    }

    var bytes: Bytes {
        var writer = FieldWriter()
        writer.message(1, Payload.bytes(payload))
        if let expectsCompression { writer.message(2, BoolValue.bytes(expectsCompression)) }
        return writer.bytes
    }
}

/// `StreamingInputCallResponse`.
struct StreamingInputResponse: TestMessage {
    var payloadByteCount: Int32 = 0

    init(payloadByteCount: Int32) { self.payloadByteCount = payloadByteCount }

    init(_ bytes: Bytes) throws(FieldReader.Failure) {
        try FieldReader.forEach(in: bytes) { (field, value) throws(FieldReader.Failure) in
            if field == 1 { payloadByteCount = value.int32 }
        }
    }

    var bytes: Bytes {
        var writer = FieldWriter()
        writer.number(1, payloadByteCount)
        return writer.bytes
    }
}

/// `ResponseParameters`.
struct ResponseParameters: TestMessage {
    var byteCount: Int32 = 0
    var intervalMicroseconds: Int32 = 0
    var isCompressed: Bool?

    init(byteCount: Int32, isCompressed: Bool? = nil) {
        self.byteCount = byteCount
        self.isCompressed = isCompressed
    }

    init(_ bytes: Bytes) throws(FieldReader.Failure) {
        try FieldReader.forEach(in: bytes) { (field, value) throws(FieldReader.Failure) in
            switch field {
            case 1: byteCount = value.int32
            case 2: intervalMicroseconds = value.int32
            case 3: isCompressed = try BoolValue.value(of: value.bytes)
            default: break
            }
        }
    }

    var bytes: Bytes {
        var writer = FieldWriter()
        writer.number(1, byteCount)
        writer.number(2, intervalMicroseconds)
        if let isCompressed { writer.message(3, BoolValue.bytes(isCompressed)) }
        return writer.bytes
    }
}

/// `StreamingOutputCallRequest`.
struct StreamingOutputRequest: TestMessage {
    var responses: [ResponseParameters] = []
    var payload: Bytes?
    var status: EchoStatus?

    init(responses: [ResponseParameters] = [], payload: Bytes? = nil) {
        self.responses = responses
        self.payload = payload
    }

    init(_ bytes: Bytes) throws(FieldReader.Failure) {
        try FieldReader.forEach(in: bytes) { (field, value) throws(FieldReader.Failure) in
            switch field {
            case 2: responses.append(try ResponseParameters(value.bytes))
            case 3: payload = try Payload.body(of: value.bytes)
            case 7: status = try EchoStatus(value.bytes)
            default: break
            }
        }
    }

    var bytes: Bytes {
        var writer = FieldWriter()
        for response in responses { writer.message(2, response.bytes) }
        if let payload { writer.message(3, Payload.bytes(payload)) }
        if let status { writer.message(7, status.bytes) }
        return writer.bytes
    }
}
