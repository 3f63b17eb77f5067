import Messages
import Vocabulary

/// Where the prompt is in a serialised request, and its salt, found without decoding the rest.
struct PromptPeek {
    let prompt: Range<Int>
    let salt: String

    /// Looks for a prompt that is a field of the message itself; nil for bytes that are no message or have no prompt.
    ///
    /// - Parameters:
    ///   - bytes: of the whole message.
    ///   - prompts: the numbers of the fields any of which has the prompt.
    ///   - saltField: the number of the one that keeps prompts of one tenant apart.
    init?(_ bytes: UnsafeRawBufferPointer, prompts: Set<UInt64>, salt saltField: UInt64) {
        var cursor = WireCursor(bytes, in: 0..<bytes.count)
        var prompt: Range<Int>?
        var salt = ""
        while !cursor.isAtEnd {
            guard let key = cursor.varint() else { return nil }
            if key & 7 == 2, prompts.contains(key >> 3) {
                guard let content = cursor.content() else { return nil }
                prompt = content
            } else if key == saltField << 3 | 2 {
                guard let text = cursor.text() else { return nil }
                salt = text
            } else {
                guard cursor.skipValue(ofType: UInt8(key & 7)) else { return nil }
            }
        }
        guard let prompt else { return nil }
        self.prompt = prompt
        self.salt = salt
    }

    /// Looks for the one text of the tensor `text_input` in a `ModelInferRequest`, raw or typed.
    ///
    /// Nil for bytes that are no message, and for requests of which no cache keeps anything: several texts, or a vector
    /// asked for instead of an answer. A text in shared memory is not looked for: no other machine can read it either.
    /// The prompt is the same as that of a `GenerateRequest`, so both prefer the same server; there is no salt.
    ///
    /// - Source: Open Inference Protocol, "Inference": raw contents are in the order of the inputs, and an element of a
    ///   BYTES tensor comes behind its length in four bytes, the lowest first.
    init?(tensorsIn bytes: UnsafeRawBufferPointer) {
        var cursor = WireCursor(bytes, in: 0..<bytes.count)
        var (inputCount, rawCount) = (0, 0)
        var found: (index: Int, typed: Range<Int>?)?
        while !cursor.isAtEnd {
            guard let key = cursor.varint() else { return nil }
            switch (key >> 3, key & 7) {
            case (5, 2):
                guard let range = cursor.content(), let input = InputPeek(bytes, range) else { return nil }
                if input.isText { found = (inputCount, input.element) }
                inputCount += 1
            case (6, 2):
                guard let range = cursor.content(), !Self.isEmbedding(bytes, range) else { return nil }
            case (7, 2):
                guard cursor.content() != nil else { return nil }
                rawCount += 1
            case (_, let type):
                guard cursor.skipValue(ofType: UInt8(type)) else { return nil }
            }
        }
        guard let found,
            let prompt = rawCount == 0 ? found.typed : Self.element(ofRaw: found.index, bytes)
        else { return nil }
        self.prompt = prompt
        salt = ""
    }

    /// Whether an `InferRequestedOutputTensor` is the vector of a text.
    private static func isEmbedding(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        var cursor = WireCursor(bytes, in: range)
        guard cursor.varint() == 1 << 3 | 2, let name = cursor.content() else { return false }
        return bytes[name].elementsEqual("embedding".utf8)
    }

    /// The only element in one of the raw contents of a message that has been gone along before.
    private static func element(ofRaw index: Int, _ bytes: UnsafeRawBufferPointer) -> Range<Int>? {
        var cursor = WireCursor(bytes, in: 0..<bytes.count)
        var passedCount = 0
        while let key = cursor.varint() {
            guard key == 7 << 3 | 2 else {
                guard cursor.skipValue(ofType: UInt8(key & 7)) else { return nil }
                continue
            }
            guard let content = cursor.content() else { return nil }
            if passedCount == index {
                guard content.count >= 4 else { return nil }
                let count = bytes.loadUnaligned(fromByteOffset: content.lowerBound, as: UInt32.self)
                return Int(UInt32(littleEndian: count)) == content.count - 4 ? content.dropFirst(4) : nil
            }
            passedCount += 1
        }
        return nil
    }
}

/// What there is to know about one `InferInputTensor` without decoding it.
private struct InputPeek {
    private(set) var isText = false
    /// Its typed element; nil when there is none, or more than one.
    private(set) var element: Range<Int>?

    /// Nil for bytes that are no message, and for an input with parameters, whose contents are somewhere else.
    init?(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        var cursor = WireCursor(bytes, in: range)
        while !cursor.isAtEnd {
            guard let key = cursor.varint() else { return nil }
            switch (key >> 3, key & 7) {
            case (1, 2):
                guard let name = cursor.content() else { return nil }
                isText = bytes[name].elementsEqual("text_input".utf8)
            case (4, 2): return nil
            case (5, 2):
                guard let contents = cursor.content() else { return nil }
                element = Self.onlyElement(bytes, contents)
            case (_, let type):
                guard cursor.skipValue(ofType: UInt8(type)) else { return nil }
            }
        }
    }

    /// The one entry of `bytes_contents` in an `InferTensorContents`.
    private static func onlyElement(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Range<Int>? {
        var cursor = WireCursor(bytes, in: range)
        guard cursor.varint() == 8 << 3 | 2, let element = cursor.content(), cursor.isAtEnd else { return nil }
        return element
    }
}
