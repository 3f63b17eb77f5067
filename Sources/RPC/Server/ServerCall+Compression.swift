import Compression
import EventLoops
import HTTP2
import Vocabulary

/// What a call does about compressing its response.
extension ServerCall {
    /// The handler's wish; it counts until the headers are out.
    func setResponseFormat(_ format: CompressionFormat?) {
        guard state.response == .none else { return }
        responseFormat = format
        responseFormatIsAgreed = false
    }

    /// What messages of the response are compressed with; the headers say the same.
    ///
    /// The client's consent is looked up once, and only for responses that would be compressed: the others pay nothing.
    func agreedFormat() -> CompressionFormat? {
        guard let format = responseFormat, !responseFormatIsAgreed else { return responseFormat }
        responseFormatIsAgreed = true
        if !MessageEncoding.isAccepted(format, by: head.block) { responseFormat = nil }
        return responseFormat
    }

    /// The message as it will be sent.
    ///
    /// - Throws: `ServingError` RESOURCE_EXHAUSTED for a message over the limit, which counts its bytes before they are
    ///   compressed, and when the client has left too many answers untaken.
    func frame(_ message: Bytes, _ compression: MessageCompression) throws(ServingError) -> FramedMessage {
        loop.preconditionOnLoop()
        guard message.count <= limits.responseByteCountMax, message.count <= MessagePrefix.messageByteCountMax else {
            throw ServingError(
                .resourceExhausted,
                "a response of \(message.count) bytes is over the limit of \(limits.responseByteCountMax)",
                label: "response_too_long")
        }
        guard owner.session.queuedByteCount < limits.queuedResponseByteCountMax else {
            throw ServingError(
                .resourceExhausted, "the client leaves the answers on this connection untaken",
                label: "response_budget")
        }
        guard compression == .allowed, !state.isAnswered, let format = agreedFormat(),
            message.count >= limits.compression.messageByteCountMin,
            message.count <= limits.compression.messageByteCountMax
        else { return FramedMessage(message) }
        return owner.codec.frame(message, format)
    }
}
