import HTTP2
import RPC
import Testing
import Vocabulary

@Test(
    "C100: the code of a reset becomes a status code",
    arguments: [
        (.noError, .internal), (.protocolError, .internal), (.internalError, .internal), (.flowControlError, .internal),
        (.refusedStream, .unavailable), (.cancel, .cancelled), (.compressionError, .internal),
        (.enhanceYourCalm, .resourceExhausted), (.inadequateSecurity, .permissionDenied),
        // SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, CONNECT_ERROR, HTTP_1_1_REQUIRED
        (HTTP2ErrorCode(rawValue: 4), .internal), (HTTP2ErrorCode(rawValue: 5), .internal),
        (HTTP2ErrorCode(rawValue: 6), .internal), (HTTP2ErrorCode(rawValue: 10), .internal),
        (HTTP2ErrorCode(rawValue: 13), .internal),
        (HTTP2ErrorCode(rawValue: 99), .internal),
    ] as [(HTTP2ErrorCode, StatusCode)])
func resetCode(code: HTTP2ErrorCode, status: StatusCode) {
    #expect(StatusCode(resetCode: code) == status)
}
